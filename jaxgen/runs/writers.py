"""Where numbers go: `metrics.jsonl`, TensorBoard events and the terminal."""

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from jaxgen import files

_ON_A_LINE = 4  # metrics


class MetricsWriter:
  """Appends rows `{'step': 500, 'split': 'train', ...}` to `<workdir>/metrics.jsonl` and to TensorBoard.

  A run that was killed starts again from its last checkpoint and comes past steps whose rows are in the file
  already. They would be the same rows, so they are not written twice; and nothing that was written is removed.
  """

  def __init__(self, workdir: Path):
    """Opens the file for appending; a last line that a killed process left unfinished is completed or dropped."""
    from tensorboardX import SummaryWriter  # loads torch, seconds of it, where that is installed

    self._path = Path(workdir) / 'metrics.jsonl'
    rows = read(workdir)
    self._seen = {_identity(row) for row in rows}
    self._newest = {row.get('split'): row for row in rows}
    _drop_torn_line(self._path)
    _mention_garbled_lines(self._path)
    self._file = open(self._path, 'a', buffering=1)  # noqa: SIM115
    self._events = SummaryWriter(str(Path(workdir) / 'tensorboard'), flush_secs=30)

  def write(self, row: Mapping[str, Any]) -> None:
    """Writes one row; its numbers become scalars `<split>/<name>` in TensorBoard, those of a list `<name>/0`, ..."""
    if _identity(row) in self._seen:
      return
    self._seen.add(_identity(row))
    written = {key: rounded(value) for key, value in row.items()}
    self._newest[row.get('split')] = written
    self._file.write(json.dumps(written) + '\n')
    prefix = '/'.join(str(row[key]) for key in ('split', 'weights') if key in row)
    for name, value in numbers(row).items():
      self._events.add_scalar(f'{prefix}/{name}', value, row['step'])

  def newest(self, split: str) -> Mapping[str, Any] | None:
    """The last row of this split in the file; None where there is none yet."""
    return self._newest.get(split)

  def picture(self, name: str, image: np.ndarray, step: int) -> None:
    """Shows a picture, uint8[H, W, 3], in TensorBoard."""
    self._events.add_image(name, image, step, dataformats='HWC')

  def close(self) -> None:
    """Writes what is left."""
    self._file.close()
    self._events.close()


def read(workdir: Path) -> list[dict[str, Any]]:
  """The rows of a run's `metrics.jsonl`; a line that is none (torn, garbled) is passed over."""
  path = Path(workdir) / 'metrics.jsonl'
  if not path.is_file():
    return []
  rows = map(_row, path.read_text(errors='replace').split('\n')[:-1])
  return [row for row in rows if row is not None]


def set_aside(workdir: Path, step: int) -> None:
  """Moves the rows after `step` to `metrics_set_aside.jsonl`, where the run takes another way from there."""
  later = [json.dumps(row) + '\n' for row in read(workdir) if row['step'] > step]
  if not later:
    return
  with open(Path(workdir) / 'metrics_set_aside.jsonl', 'a') as file:
    file.writelines(later)
  kept = [json.dumps(row) + '\n' for row in read(workdir) if row['step'] <= step]
  files.write_text(Path(workdir) / 'metrics.jsonl', ''.join(kept))


def _row(line):
  """A line of `metrics.jsonl`; None if it is no row."""
  try:
    row = json.loads(line)
  except ValueError:
    return None
  return (
    row
    if isinstance(row, dict) and isinstance(row.get('step'), int) and isinstance(row.get('split'), str)
    else None
  )


class Progress:
  """One line that lives on a terminal: step, steps/s, time to the end and the newest metrics; plain lines elsewhere."""

  def __init__(self, start: int, stop: int):
    """Shows progress from step `start` to `stop`."""
    self._bar = tqdm(
      total=stop,
      initial=start,
      unit='step',
      dynamic_ncols=True,
      smoothing=0.1,
      delay=0.001,  # the line that says what is compiled comes first, and is whole
      disable=not sys.stderr.isatty(),
    )

  def advance(self, steps: int) -> None:
    """Moves on."""
    self._bar.update(steps)

  def show(self, row: Mapping[str, Any], seconds_left: float | None = None) -> None:
    """Shows a row of metrics."""
    # The file has every metric; a line has room for the first few.
    numbers = {name: value for name, value in row.items() if isinstance(value, float)}
    speed = numbers.pop('steps_per_second', None)
    shown = '  '.join(f'{name} {value:.4g}' for name, value in list(numbers.items())[:_ON_A_LINE])
    if not self._bar.disable and row['split'] == 'train':
      self._bar.set_postfix_str(shown)
      return
    where = ' '.join(str(row[key]) for key in ('split', 'weights') if key in row)
    pace = f'  {speed:.4g} steps/s' if speed else ''
    left = '' if seconds_left is None else f'  {duration(seconds_left)} left'
    self.say(f'step {row["step"]:>6}  {where:<19}  {shown}{pace}{left}')

  def say(self, text: str) -> None:
    """Prints a line above the progress line."""
    tqdm.write(text, file=sys.stdout)
    sys.stdout.flush()

  def close(self) -> None:
    """Leaves the line as it is."""
    self._bar.close()


class Silent:
  """Stands in for a writer on the hosts that are not the first: takes every call and does nothing."""

  def __getattr__(self, name: str):
    return lambda *args, **kwargs: None

  def close(self) -> None:
    """Nothing is open; a context manager looks for it before it calls it."""


def duration(seconds: float) -> str:
  """`3725 -> '1h02m'`, `125 -> '2m05s'`, `7 -> '7s'`."""
  seconds = round(seconds)
  if seconds >= 3600:
    return f'{seconds // 3600}h{seconds % 3600 // 60:02d}m'
  return f'{seconds // 60}m{seconds % 60:02d}s' if seconds >= 60 else f'{seconds}s'


def _identity(row):
  return row['step'], row.get('split'), row.get('weights')


def numbers(row: Mapping[str, Any]) -> dict[str, float]:
  """What can be drawn against the step: the numbers of a row, and those of its lists as `<name>/<index>`."""
  lists = {name: value for name, value in row.items() if isinstance(value, list)}
  each = {f'{name}/{index}': one for name, values in lists.items() for index, one in enumerate(values)}
  found = {name: value for name, value in {**row, **each}.items() if isinstance(value, (int, float))}
  return {name: value for name, value in found.items() if name != 'step'}


def rounded(value: Any) -> Any:
  """A number as rows hold it, and each of a list: seven digits; None for nan and the infinite."""
  if isinstance(value, list):
    return [rounded(one) for one in value]
  if not isinstance(value, float):
    return value
  return float(f'{value:.7g}') if math.isfinite(value) else None  # JSON knows no nan


def _mention_garbled_lines(path):
  if not path.is_file():
    return
  lines = path.read_text(errors='replace').split('\n')[:-1]
  bad = [str(number) for number, line in enumerate(lines, 1) if _row(line) is None]
  if bad:
    print(f'{path} holds lines that cannot be read, which are passed over: {", ".join(bad[:8])}.', flush=True)


def _drop_torn_line(path):
  if not path.is_file():
    return
  text = path.read_bytes()
  whole = text.rfind(b'\n') + 1
  if whole < len(text):
    with open(path, 'r+b') as file:
      file.truncate(whole)
