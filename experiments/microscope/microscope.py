"""From the options to the report, one thing after the other; each is kept, so that the same command goes on."""

import re
import time
from pathlib import Path

from experiments.microscope import budget, report, runs
from experiments.microscope.claims import CLAIMS
from experiments.microscope.claims.claim import judge
from experiments.microscope.families import FAMILIES
from experiments.microscope.lab import Lab
from experiments.microscope.settings import DEFAULTS, Settings, check, claim_folder
from experiments.microscope.side_by_side import side_by_side
from jaxgen.errors import UserError
from jaxgen.loop.stop import Stopped
from jaxgen.metrics.features import choose


def settings_of(options) -> Settings:
  """The settings that the options of the command line stand for."""
  claims = tuple(filter(None, options.claims.split(',')))
  name = re.sub(r'[^A-Za-z0-9]+', '_', options.data).strip('_')
  out = options.out or Path('runs') / f'microscope_{name}'
  given = {key: value for key, value in vars(options).items() if value is not None}
  return Settings(**{**DEFAULTS[options.preset], **given, 'out': Path(out), 'claims': claims})


def run(settings: Settings) -> int:
  """Trains, measures, tests the claims and writes the report.

  Returns:
    The exit code: 0, or 143 where it was stopped; the same command then goes on.

  Raises:
    UserError: if the settings or the data cannot be used, or the folder holds a microscope of other settings.
  """
  start = time.perf_counter()

  def say(text):
    # in one piece: two threads may speak
    print(f'{time.perf_counter() - start:6.0f} s  {text}\n', end='', flush=True)

  check(settings)
  if settings.seeds == 1:
    say('With --seeds=1 no sentence can be decided: a verdict needs the spread over 2 seeds or more.')
  claims = _chosen(settings.claims)
  reference = runs.read_data(settings)
  claim_folder(settings)
  tools = runs.Bench(settings, reference, choose(reference, settings.cache), say)
  runs.check_features(tools)
  say(f'{tools.reference.name}: {len(tools.reference.train):,} images; features: {tools.features.name}')
  try:
    found = _measure(tools, claims)
  except (Stopped, KeyboardInterrupt):
    print('Stopped, and saved. The same command goes on.', flush=True)
    return 143
  report.write_all(tools, *found)
  say(f'done: {settings.out / "report.html"}, report.md, results.jsonl')
  return 0


def _chosen(names):
  known = {claim.name: claim for claim in CLAIMS}
  if unknown := [name for name in names if name not in known]:
    raise UserError(f'There is no claim "{unknown[0]}"; choose among: {", ".join(known)}.')
  return [known[name] for name in names or known]


def _measure(tools, claims):
  bills = budget.bills(tools.settings, tools.say)
  # Seed after seed, so that a machine that changes its speed meets all families alike; and nothing beside it.
  trained = [
    runs.trained(tools, family, bills[family], seed)
    for seed in range(tools.settings.seeds)
    for family in FAMILIES
  ]
  # What does not go by the clock: one's programs are compiled while the other's run.
  data_records = runs.ceiling(tools)
  found = side_by_side(lambda run: runs.measured_run(tools, bills[run['family']], run), trained)
  results = {family: [] for family in FAMILIES}
  for run in found:
    speed = runs.sampling_speed(tools, bills[run['family']], run)
    results[run['family']].append(run | {'speed': speed})
  lab = Lab(tools, bills, results)
  return bills, results, data_records, side_by_side(lambda claim: judge(claim, lab), claims)
