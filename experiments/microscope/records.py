"""All numbers as records of one form: those of `jaxgen.metrics`, and what the microscope itself measured."""

import json
from collections.abc import Mapping, Sequence

import numpy as np

from experiments.microscope import quality
from experiments.microscope.runs import Bench
from jaxgen.metrics.results import Record

_UNITS = {
  'train_seconds': 'seconds of training steps',
  'seconds_to_quality': 'seconds of training steps to a Fréchet distance of {goal:.4g}',
  'samples_per_second_1': '1/s, batch 1',
  'samples_per_second_64': '1/s, batch 64',
  'parameters': 'trained',
  'peak_bytes': 'bytes, training program',
}


def all_records(tools: Bench, bills, results, data_records, claims: Sequence[Mapping]) -> str:
  """The lines of `results.jsonl`."""
  records = list(data_records)
  for family, seeds in results.items():
    for result in seeds:
      for moment in result['moments']:
        records += moment['records']
      records += [record for record in result['best'] if record not in result['final']] + result['final']
      records += _of_run(tools, bills[family], result, quality.threshold(results))
  for path in sorted((tools.settings.out / 'measured' / 'arms').glob('*.json')):
    records += json.loads(path.read_text())['records']
  for claim in claims:
    records += _of_claim(tools, claim)
  return ''.join(json.dumps(record) + '\n' for record in records)


def _of_run(tools, bill, result, goal):
  like = (result['final'] or [None])[0]
  if like is None:
    return []
  found = {
    'train_seconds': result['train_seconds'],
    'seconds_to_quality': quality.seconds_to(result, goal),
    **{f'samples_per_second_{size}': speed for size, speed in result['speed'].items()},
    'parameters': sum(bill.parameters.values()),
    'peak_bytes': bill.peak_bytes,
  }
  return [
    _bare(like) | {'metric': name, 'value': float(value), 'settings': _UNITS[name].format(goal=goal)}
    for name, value in found.items()
    if value is not None
  ]


def _of_claim(tools, claim):
  """One record for each test and seed; what the test was done with stands in the claim."""
  found = []
  for test in claim['tests']:
    for seed, value in enumerate(test['values']):
      if value is not None and np.isfinite(value):
        blank = dict.fromkeys(Record._fields, '') | {
          'metric': test['name'],
          'value': value,
          'spread': None,
          'data': tools.settings.data,
          'n_generated': 0,
          'n_reference': 0,
          'weights': 'averaged',
          'run': f'claim: {claim["sentence"]}',
          'settings': f'to be above {test["bound"]:g}',
          'step': 0,
          'seed': seed,
          'versions': {},
        }
        found.append(blank)
  return found


def _bare(record):
  """A record of the same run that no feature and no sample enters."""
  nothing = dict.fromkeys(('kind', 'split', 'features', 'features_sha', 'resize'), '')
  return record | nothing | {'spread': None, 'n_generated': 0, 'n_reference': 0}
