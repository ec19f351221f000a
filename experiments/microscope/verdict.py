"""From numbers to a verdict, by one rule that no hand can bend."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

HOLDS, FAILS, OPEN = 'holds', 'does not hold', 'not decided here'
MISSING = 'no such model yet'

RULE = (
  'A sentence becomes one or more tests; each compares one value per seed with a bound that was fixed '
  'beforehand. A test holds if the lower end of the one-sided 95 % confidence interval of the mean (Student\'s '
  't over the seeds) lies above the bound, fails if the upper end lies below it, and is open otherwise. Ratios '
  'are tested on their logarithms. The sentence holds if all of its tests do, does not hold if one fails, and '
  'is not decided here otherwise.'
)  # fmt: skip


class Test(NamedTuple):
  """A statement about one number: its mean over the seeds is above `bound`.

  Attributes:
    name: what the number is, with its unit.
    values: one for each seed.
    bound: what it has to exceed.
    ratio: whether the values are ratios, which are compared by their logarithms.
  """

  name: str
  values: Sequence[float]
  bound: float = 0.0
  ratio: bool = False


def interval(values: Sequence[float]) -> tuple[float, float, float]:
  """Mean, and the two one-sided 95 % bounds of the mean by Student's t; infinite for a single value."""
  values = np.asarray(values, np.float64)
  mean = float(values.mean())
  if len(values) < 2:
    return mean, -math.inf, math.inf
  reach = float(stats.t.ppf(0.95, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values)))
  return mean, mean - reach, mean + reach


def decide(test: Test) -> str:
  """The verdict on one test."""
  values = np.asarray(test.values, np.float64)
  if not len(values) or not np.isfinite(values).all() or (test.ratio and (values <= 0).any()):
    return OPEN
  if test.ratio:
    values, bound = np.log(values), math.log(test.bound)
  else:
    bound = test.bound
  _, low, high = interval(values)
  return HOLDS if low > bound else FAILS if high < bound else OPEN


def joint(tests: Sequence[Test]) -> str:
  """The verdict on a sentence that says all of these."""
  verdicts = [decide(test) for test in tests]
  if FAILS in verdicts:
    return FAILS
  return HOLDS if verdicts and set(verdicts) == {HOLDS} else OPEN


def describe(test: Test) -> str:
  """`'sharpness, GAN less VAE: 0.120 ± 0.030 (n = 3; above 0: holds)'`."""
  return f'{test.name}: {spread(test.values)} (n = {len(test.values)}; above {test.bound:g}: {decide(test)})'


def spread(values: Sequence[float]) -> str:
  """Mean and standard deviation over the seeds, to three figures of the mean."""
  values = np.asarray(values, np.float64)
  if not len(values):
    return 'none'
  std = f' ± {_figures(values.std(ddof=1))}' if len(values) > 1 else ''
  return f'{_figures(values.mean())}{std}'


def seeds_in_words(num: int) -> str:
  """'1 seed', '3 seeds'."""
  return f'{num} seed{"" if num == 1 else "s"}'


def _figures(value: float) -> str:
  if not math.isfinite(value):
    return '∞' if value > 0 else '−∞' if value < 0 else '?'
  if value == 0:
    return '0'
  digits = max(0, 2 - math.floor(math.log10(abs(value))))
  return f'{value:,.{min(digits, 6)}f}'.replace('-', '−')
