"""Records: a number together with everything that decides whether it may stand beside another one."""

import fcntl
import itertools
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from jaxgen.errors import UserError


class Record(NamedTuple):
  """One measured number.

  Attributes:
    metric: its name: 'frechet_distance', 'bits_per_dim', ...
    value: the number.
    spread: the standard deviation over the parts or examples that it is a mean of, where there are any.
    kind: of a likelihood, see `jaxgen.types.Estimate`; of a lower bound, bits per dimension are an upper bound.
    data: the data set.
    split: of the data set, that the number refers to.
    features: what samples were compared by; empty where nothing was.
    features_sha: the beginning of the SHA-256 of the features' parameters.
    n_generated: how many samples; 0 where none.
    n_reference: how many examples of the split.
    resize: what happens to images before their features are taken.
    settings: of the metric: 'k=3', '100 subsets of 1000'.
    weights: 'raw' or 'averaged'.
    model: the module that built it.
    run: the workdir.
    step: of training.
    seed: of the samples and of the noise.
    sampler: what drew the samples, with its settings, of a model that leaves a choice; by what classifier, if by one.
    config_sha: identifies the resolved config.
    params_sha: the beginning of the SHA-256 of the model's parameters.
    versions: of packages and device.
    time: when it was measured, UTC.
    importance_samples: of a likelihood, as the following four: see `jaxgen.types.Estimate`. None where the record is
      older than this field.
    ode_steps: as above.
    probes: as above.
    noise_draws: as above; their mean is taken.
    given: as above.
    tolerance: likewise, as the following two; records older than these had none of them.
    diffusion_levels: as above.
    drawn_terms: as above.
    smallest_noise: likewise; None of an ODE's likelihood that is older than this field.
    standard_error: of the mean over the examples of a split, `spread / sqrt(n_reference)`; None of what is no such
      mean.
  """

  metric: str
  value: float
  spread: float | None
  kind: str
  data: str
  split: str
  features: str
  features_sha: str
  n_generated: int
  n_reference: int
  resize: str
  settings: str
  weights: str
  model: str
  run: str
  step: int
  seed: int
  config_sha: str
  params_sha: str
  versions: Mapping[str, str]
  time: str
  importance_samples: int | None = 0
  ode_steps: int | None = 0
  probes: int | None = 0
  noise_draws: int | None = 0
  given: Sequence[str] | None = ()
  tolerance: float = 0.0
  diffusion_levels: int = 0
  drawn_terms: int = 0
  standard_error: float | None = None
  sampler: str = ''
  smallest_noise: float | None = 0.0


# Numbers that differ in one of these do not measure the same thing.
PROTOCOL = (
  'metric', 'data', 'split', 'features', 'features_sha', 'n_generated', 'n_reference', 'resize', 'settings', 'weights',
  'given',
)  # fmt: skip
# Nor do estimates of one kind that differ in one of these. Probes, terms and draws of noise are not among them: the
# mean over them is taken, so that more of them make the same number more certain.
ESTIMATE = ('importance_samples', 'ode_steps', 'tolerance', 'diffusion_levels', 'smallest_noise')
_NEWER = ('importance_samples', 'ode_steps', 'probes', 'noise_draws', 'given')  # than the first records


def check_alike(records: Sequence[Record], allow: Sequence[str] = ()) -> None:
  """Records may be compared if their protocols agree, and their estimates where these are of one kind.

  Args:
    records: of any runs.
    allow: fields of the protocol that may differ all the same: ('weights',) to hold raw against averaged ones.

  Raises:
    UserError: if they do not agree, with what differs and where.
  """
  for first, other in itertools.combinations(records, 2):
    fields = PROTOCOL + (ESTIMATE if first.kind == other.kind else ())
    differs = [f for f in fields if f not in allow and getattr(first, f) != getattr(other, f)]
    if differs:
      what = '; '.join(f'{f} is {getattr(first, f)!r} and {getattr(other, f)!r}' for f in differs)
      raise UserError(
        f'{first.metric} of {first.run} and of {other.run} cannot be compared: {what}; measure both alike.'
      )


def table(records: Sequence[Record], allow: Sequence[str] = ()) -> dict[str, dict[str, Record]]:
  """`{run: {metric: record}}` of the newest records, each metric measured alike in all runs.

  Raises:
    UserError: if two runs were not measured alike, with what differs.
  """
  rows: dict[str, dict[str, Record]] = {}
  for record in records:
    rows.setdefault(record.run, {})[record.metric] = record
  for metric in {record.metric for record in records}:
    check_alike([row[metric] for row in rows.values() if metric in row], allow)
  return rows


def append(path: Path, records: Sequence[Record]) -> None:
  """Adds a line of JSON for each record. A line that a killed process left unfinished is cut off first.

  Raises:
    UserError: if the file cannot be written, or a value is not finite.
  """
  for record in records:
    if not math.isfinite(record.value):
      raise UserError(
        f'{record.metric} of {record.run} is {record.value}; look at its samples before recording it.'
      )
  lines = ''.join(json.dumps(record._asdict(), allow_nan=False) + '\n' for record in records)
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, 'ab+') as file:
      fcntl.flock(file, fcntl.LOCK_EX)  # several runs may share one file
      _mend(file)
      file.write(lines.encode())
      file.flush()
      os.fsync(file.fileno())
  except OSError as error:
    raise UserError(f'{path} cannot be written: {error.strerror}.') from error


def read(path: Path) -> list[Record]:
  """All records, in the order they were measured in. An unfinished last line is passed over.

  What an older likelihood does not say of its estimate is None, so that it cannot be compared with a newer one.

  Raises:
    UserError: if there is no such file, or another line is damaged.
  """
  try:
    lines = Path(path).read_bytes().split(b'\n')
  except OSError as error:
    raise UserError(f'There are no results at {path}; measure a run first: --mode=evaluate.') from error
  records = []
  for number, line in enumerate(lines[:-1], start=1):  # what follows the last line break is no whole line
    try:
      records.append(_record(json.loads(line)))
    except (ValueError, TypeError, KeyError) as error:
      raise UserError(f'Line {number} of {path} is damaged; remove it.') from error
  return records


def _record(fields):
  ended = ('smallest_noise',) if fields.get('ode_steps') else ()
  stated = {**dict.fromkeys((*_NEWER, *ended) if fields['kind'] else ()), **fields}
  if stated.get('given') is not None:
    stated['given'] = tuple(stated['given'])
  return Record(**stated)


def _mend(file):
  file.seek(0)
  content = file.read()
  whole = content.rfind(b'\n') + 1
  if whole < len(content):
    file.truncate(whole)
    file.seek(0, os.SEEK_END)
