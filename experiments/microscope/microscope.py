"""From the options to the report, one thing after the other; each is kept, so that the same command goes on."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from experiments.microscope import budget, report, runs
from experiments.microscope.claims import CLAIMS
from experiments.microscope.claims.claim import judge
from experiments.microscope.families import FAMILIES
from experiments.microscope.lab import Lab
from experiments.microscope.settings import Settings, check, claim_folder
from jaxgen.errors import UserError
from jaxgen.metrics.features import choose
from jaxgen.train import Stopped


def settings_of(options) -> Settings:
  """The settings that the options of the command line stand for."""
  claims = tuple(filter(None, options.claims.split(',')))
  name = re.sub(r'[^A-Za-z0-9]+', '_', options.data).strip('_')
  out = options.out or Path('runs') / f'microscope_{name}'
  return Settings(**{**vars(options), 'out': Path(out), 'claims': claims})


def run(settings: Settings) -> int:
  """Trains, measures, tests the claims and writes the report.

  Returns:
    The exit code: 0, or 143 where it was stopped; the same command then goes on.

  Raises:
    UserError: if the settings or the data cannot be used, or the folder holds a microscope of other settings.
  """
  start = time.perf_counter()

  def say(text):
    print(f'{time.perf_counter() - start:6.0f} s  {text}', flush=True)

  check(settings)
  claims = _chosen(settings.claims)
  reference = runs.read_data(settings)
  claim_folder(settings)
  tools = runs.Bench(settings, reference, choose(reference, settings.cache), say)
  say(f'{tools.reference.name}: {len(tools.reference.train):,} images; features: {tools.features.name}')
  try:
    found = _measure(tools, claims)
  except Stopped:
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
  data_records = runs.floor(tools)
  results = {family: [] for family in FAMILIES}
  # Seed after seed, so that a machine that changes its speed meets all families alike.
  for seed in range(tools.settings.seeds):
    for family in FAMILIES:
      results[family].append(runs.result(tools, family, bills[family], seed))
  return bills, results, data_records, _judge_all(claims, Lab(tools, bills, results))


def _judge_all(claims, lab):
  """Two at a time: no claim goes by the clock, and one's programs are compiled while the other's train."""
  with ThreadPoolExecutor(2) as pool:
    return list(pool.map(lambda claim: judge(claim, lab), claims))
