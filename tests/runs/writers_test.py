import json
import struct

import numpy as np
from tensorboardX.proto import event_pb2

from jaxgen.runs import writers


def rows_of(path):
  return [json.loads(line) for line in (path / 'metrics.jsonl').read_text().splitlines()]


def events(path):
  """What TensorBoard reads: records of a length, its checksum, as many bytes, and theirs."""
  content, place = path.read_bytes(), 0
  while place < len(content):
    (length,) = struct.unpack('<Q', content[place : place + 8])
    yield event_pb2.Event.FromString(content[place + 12 : place + 12 + length])
    place += 12 + length + 4


def test_rows_are_lines_of_json_and_never_written_twice(tmp_path):
  for _ in range(2):
    writer = writers.MetricsWriter(tmp_path)
    writer.write({'step': 1, 'split': 'train', 'loss': 0.5})
    writer.write({'step': 1, 'split': 'test', 'weights': 'raw', 'loss': 0.25})
    writer.close()
  assert rows_of(tmp_path) == [
    {'step': 1, 'split': 'train', 'loss': 0.5},
    {'step': 1, 'split': 'test', 'weights': 'raw', 'loss': 0.25},
  ]


def test_a_torn_last_line_is_mended(tmp_path):
  (tmp_path / 'metrics.jsonl').write_text('{"step": 1, "split": "train", "loss": 1.0}\n{"step": 2, "spl')
  writer = writers.MetricsWriter(tmp_path)
  writer.write({'step': 2, 'split': 'train', 'loss': 2.0})
  writer.close()
  assert [row['loss'] for row in rows_of(tmp_path)] == [1.0, 2.0]


def test_tensorboard_holds_the_same_numbers(tmp_path):
  writer = writers.MetricsWriter(tmp_path)
  writer.write({'step': 3, 'split': 'test', 'weights': 'averaged', 'loss': 0.5})
  writer.picture('grid', np.zeros((4, 4, 3), np.uint8), 3)
  writer.close()
  (path,) = (tmp_path / 'tensorboard').iterdir()
  assert 'tfevents' in path.name  # what `tensorboard --logdir` looks for, at any depth
  values = [(event.step, value) for event in events(path) for value in event.summary.value]
  assert [(step, value.tag, value.simple_value) for step, value in values if not value.HasField('image')] == [
    (3, 'test/averaged/loss', 0.5)
  ]
  (picture,) = [value for _, value in values if value.HasField('image')]
  assert (picture.tag, picture.image.height, picture.image.width) == ('grid', 4, 4)


def test_a_list_is_kept_whole_and_drawn_number_by_number(tmp_path):
  writer = writers.MetricsWriter(tmp_path)
  writer.write({'step': 3, 'split': 'test', 'kl_per_latent': [0.5, float('nan'), 0.123456789]})
  writer.close()
  row = {'step': 3, 'split': 'test', 'kl_per_latent': [0.5, None, 0.1234568]}
  assert rows_of(tmp_path) == [row]
  assert writer.newest('test') == row
  (path,) = (tmp_path / 'tensorboard').iterdir()
  tags = [value.tag for event in events(path) for value in event.summary.value]
  assert tags == [f'test/kl_per_latent/{index}' for index in range(3)]


def test_progress_prints_plain_lines_where_there_is_no_terminal(capsys):
  progress = writers.Progress(0, 10)
  progress.show({'step': 5, 'split': 'train', 'loss': 0.123456}, seconds_left=125)
  progress.close()
  assert capsys.readouterr().out == 'step      5  train                loss 0.1235  2m05s left\n'


def test_durations():
  assert [writers.duration(s) for s in (7, 125, 3725)] == ['7s', '2m05s', '1h02m']
