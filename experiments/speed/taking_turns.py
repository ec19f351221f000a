"""What benchmarks of several sides have in common: what may be asked of them, the rows still to be measured, turns."""

import argparse
from collections.abc import Callable, Collection, Mapping

from experiments import arguments
from experiments.speed.table import Rows, medians
from experiments.speed.worker import Worker


def parser(description: str, models: Collection[str], seconds: float = 2.0) -> arguments.Parser:
  """Of a command whose rows are models, `seconds` of each turn unless told."""
  made = arguments.Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
  made.add_argument(
    '--models', type=arguments.several(models), default=tuple(models), help='rows of the table'
  )
  made.add_argument('--rounds', type=arguments.count, default=5, help='turns of each side; the median counts')
  made.add_argument('--seconds', type=float, default=seconds, help='that a turn takes')
  return made


def fill(rows: Rows, compare: Callable[[str], Mapping], options: argparse.Namespace) -> None:
  """Measures what is not there yet, all by `--again`, and prints the table."""
  for name in options.models:
    if options.again or not rows.has(name):
      rows.add(name, compare(name))
  print(rows.text())


def turns(sides: Mapping[str, Worker], options: argparse.Namespace, **question) -> dict:
  """Medians over the rounds of what each side answers, in seconds.

  Every other round asks the sides in the opposite order. The first, untimed round warms up.
  """
  times = {name: [] for name in sides}
  for turn in range(options.rounds + 1):
    for name in sorted(sides, reverse=bool(turn % 2)):
      answer = sides[name].ask(seconds=options.seconds if turn else 0.0, **question)
      times[name] += [answer['seconds']] if turn else []
  return medians(times)
