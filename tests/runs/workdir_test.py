"""A run's folder: made once everything fits, held against the config and the data that come next."""

import json
import os

import numpy as np
import pytest

from jaxgen import config_files, data, evaluate, train, uses
from jaxgen.errors import UserError
from jaxgen.runs import workdir, writers
from tests.tiny_config import get_config


def config_of(**changes):
  config = get_config()
  config.update(dict(num_steps=4, checkpoint_every=2, eval_every=0, sample_every=0, log_every=2))
  config.update(changes)
  return config


def refused(config, folder, sentence):
  with pytest.raises(UserError, match=sentence):
    train.train(config, folder)


@pytest.fixture
def images(tmp_path):
  path = tmp_path / 'images.npz'
  x = np.random.RandomState(0).randint(0, 17, (40, 4, 4, 1)).astype(np.uint8)
  np.savez(path, x_train=x, x_test=x[:8], levels=17)
  return path


def on(images, **changes):
  config = config_of(batch_size=8, **changes)
  config.data.name = f'npz:{images}'
  return config


def test_what_cannot_be_built_leaves_no_folder(tmp_path):
  unknown, unbuilt, unfit = config_of(module='tests.tiny_modle'), config_of(), config_of()
  with unbuilt.ignore_type():
    unbuilt.model.noise = 'much'
  unfit.data.name = 'toy:ring'  # vectors, which this model cannot take
  for config in (unknown, unbuilt, unfit):
    with pytest.raises(Exception):  # noqa: B017, PT011 - a model may raise anything
      train.train(config, tmp_path / 'deep' / 'run')
    assert not (tmp_path / 'deep').exists()


def test_a_run_that_made_no_step_binds_nobody(tmp_path):
  with workdir.claim(tmp_path, data.resolve(config_of(seed=1)), {}):
    pass
  train.train(config_of(), tmp_path)
  refused(config_of(seed=1), tmp_path, 'another config .seed: 0 -> 1')


def test_the_way_to_samples_is_no_part_of_the_training_run(tmp_path):
  def config(sampler='annealed', **changes):
    config = config_files.load('ncsn_toy:smoke')
    config.model.update(changes)
    config.sampler.name = sampler
    return data.resolve(config)

  with workdir.claim(tmp_path, config(), {}):
    writers.MetricsWriter(tmp_path).write({'step': 1, 'loss': 1.0})  # it has begun

  def check(config):
    workdir.check_same_run(tmp_path, workdir.with_schedules(tmp_path, config))

  check(config(sampler='heun'))
  with pytest.raises(UserError, match='another config .model.path.variance_exploding.sigma_max'):
    check(config(path=dict(variance_exploding=dict(sigma_max=9.0))))


def test_data_that_changed_since_are_refused_until_one_says_so(tmp_path, images):
  folder = tmp_path / 'run'
  train.train(on(images), folder)
  os.utime(images)
  train.train(on(images, num_steps=6), folder)  # the same content, at another time
  arrays = dict(np.load(images))
  arrays['x_train'][7, 0, 0, 0] ^= 1
  np.savez(images, **arrays)
  refused(
    on(images, num_steps=8), folder, r'The data \(train\) are no longer those .*remove .*data.json to go on'
  )
  (folder / 'data.json').unlink()
  assert int(train.train(on(images, num_steps=8), folder).step) == 8


@pytest.mark.parametrize(
  'content', ['', '{', '[1]', '{}', '{"data": {}}', '{"data": {"shape": [2]}}', '\xff\xfe', 'null']
)
def test_a_config_that_cannot_be_read_is_one_sentence(tmp_path, content):
  train.train(config_of(), tmp_path)
  (tmp_path / 'config.json').write_bytes(content.encode('latin-1'))
  with pytest.raises(
    UserError, match=r'config.json is damaged; put back a copy of it, or remove it and give'
  ):
    workdir.load_config(tmp_path)
  refused(config_of(num_steps=6), tmp_path, 'config.json is damaged')


def test_a_config_that_is_a_folder_is_one_sentence(tmp_path):
  (tmp_path / 'config.json').mkdir()
  with pytest.raises(UserError, match=r'config.json cannot be read: Is a directory'):
    workdir.load_config(tmp_path)


def test_a_bad_line_of_metrics_is_passed_over_and_said(tmp_path, capsys):
  train.train(config_of(), tmp_path)
  path = tmp_path / 'metrics.jsonl'
  path.write_bytes(b'\xff\xfe{\n[1]\n{"step": "x"}\n' + path.read_bytes())
  assert int(train.train(config_of(num_steps=6), tmp_path).step) == 6
  assert (
    'metrics.jsonl holds lines that cannot be read, which are passed over: 1, 2, 3.'
    in capsys.readouterr().out
  )
  assert [row['step'] for row in writers.read(tmp_path)] == [2, 4, 6]


def test_a_file_in_the_place_of_the_checkpoints_is_named(tmp_path):
  (tmp_path / 'checkpoints').write_text('')
  refused(config_of(), tmp_path, 'checkpoints: .*File exists.* Put that right')


@pytest.mark.parametrize('folder', ['/proc/1/run', '/sys/run'])
def test_a_folder_that_cannot_be_written_is_one_sentence(folder):
  refused(config_of(), folder, f'The workdir {folder} cannot be written')


@pytest.mark.parametrize(
  'name', ['samples', 'tensorboard', 'checkpoints', 'metrics.jsonl', '.lock', 'deep/link']
)
def test_nothing_is_written_through_a_link_out_of_the_folder(tmp_path, name):
  outside, folder = tmp_path / 'outside', tmp_path / 'run'
  outside.mkdir()
  (folder / name).parent.mkdir(parents=True)
  (folder / name).symlink_to(outside)
  refused(config_of(), folder, "is a symbolic link out of the run's folder, to .*outside, where nothing")
  assert not list(outside.iterdir())


@pytest.mark.parametrize('look', [uses.use, evaluate.evaluate])
def test_those_who_look_write_through_no_link_either(tmp_path, look):
  train.train(config_of(), tmp_path / 'run')
  (tmp_path / 'outside').mkdir()
  (tmp_path / 'run' / 'sampled').symlink_to(tmp_path / 'outside')
  with pytest.raises(UserError, match="sampled is a symbolic link out of the run's folder"):
    look(tmp_path / 'run', config_of())
  assert not list((tmp_path / 'outside').iterdir())


def test_links_that_stay_inside_do_no_harm(tmp_path):
  (tmp_path / 'home').mkdir()
  (tmp_path / 'home' / 'newest').symlink_to('checkpoints')
  (tmp_path / 'run').symlink_to('home')
  assert int(train.train(config_of(), tmp_path / 'run').step) == 4


def test_the_folder_tells_its_data_apart(tmp_path):
  train.train(config_of(), tmp_path)
  content = json.loads((tmp_path / 'data.json').read_text())
  assert {len(split['sha256']) for split in content.values()} == {64}
