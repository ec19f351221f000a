"""The sentences of the first comparison, and what the rows at hand say of them."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from experiments.biggan_vs_vae.recipes import GAN, VAE

Row = Mapping[str, Any]
COLLAPSED = 0.05  # of the variance of the data, as `jaxgen.families.gan.health` has it
# Of the data's coverage. With labels a generator may draw one picture of each class, which vary as classes do: ten
# pictures lie near about fifty of 300 test digits (each lies near five, as coverage counts), a sixth of them.
UNCOVERED = 0.25
DECIDING, LEANING = 4, 2  # seeds of either side
# in the words of the table
MEASURES = {
  'frechet_distance': 'Fréchet',
  'inception_score': 'score',
  'precision': 'precision',
  'recall': 'recall',
  'density': 'density',
  'coverage': 'coverage',
  'variety': 'variety',
  'sharpness': 'sharpness',
  'reconstruction_error': 'reconstruction',
  'course': 'Fréchet on the way',
  'collapsed': 'collapsed',
}
_HIGHER_IS_BETTER = 'inception_score', 'variety', 'recall', 'precision', 'coverage'
HOLDS, NOT_HERE, OPEN = 'holds', 'does not hold here', 'not decided'
LEANS_TO, LEANS_AGAINST = f'{OPEN}: leans to "{HOLDS}"', f'{OPEN}: leans to "{NOT_HERE}"'
_LEANING = {HOLDS: LEANS_TO, NOT_HERE: LEANS_AGAINST, OPEN: OPEN}


class Claim(NamedTuple):
  """One is better than another by a measure; each is `(family, recipe)`."""

  measure: str
  better: tuple[str, str]
  worse: tuple[str, str]


class Sentence(NamedTuple):
  """Attributes:
  text: as the comparison says it.
  claims: what it means here, all of them.
  sets: where it means something; empty: everywhere.
  """

  text: str
  claims: tuple[Claim, ...]
  sets: tuple[str, ...] = ()


def _of_both(measures, better, worse, families=(GAN, VAE)):
  return tuple(
    Claim(measure, (family, better), (family, worse)) for family in families for measure in measures
  )


SENTENCES = (
  Sentence(
    'Adam converges faster than other optimizers, for every model',
    _of_both(('course',), 'base', 'rmsprop', [VAE]) + _of_both(('course',), 'base', 'sgd'),
  ),
  Sentence(
    "Ten times the discriminator's rate slows convergence",
    _of_both(('course',), 'base', 'discriminator_rate_x10', [GAN]),
  ),
  Sentence(
    "Ten times the generator's rate collapses it for good",
    _of_both(('collapsed',), 'base', 'generator_rate_x10', [GAN]),
  ),
  Sentence('Leaky ReLU hurts', _of_both(('frechet_distance',), 'base', 'leaky')),
  Sentence(
    'More residual blocks always help',
    _of_both(('frechet_distance',), 'blocks_3', 'base')
    + _of_both(('frechet_distance',), 'blocks_6', 'blocks_3'),
  ),
  Sentence(
    'A larger z helps reconstruction',
    _of_both(('reconstruction_error',), 'z_64', 'base', [VAE])
    + _of_both(('reconstruction_error',), 'base', 'z_16', [VAE]),
  ),
  Sentence(
    'A larger z helps the inception score',
    _of_both(('inception_score',), 'z_64', 'base') + _of_both(('inception_score',), 'base', 'z_16'),
  ),
  Sentence('Deep beats normal', _of_both(('inception_score', 'frechet_distance'), 'deep', 'base')),
  Sentence(
    'On faces the VAE has the better Fréchet distance, and the worse inception score and variety',
    (
      Claim('frechet_distance', (VAE, 'base'), (GAN, 'base')),
      Claim('inception_score', (GAN, 'base'), (VAE, 'base')),
      Claim('variety', (GAN, 'base'), (VAE, 'base')),
    ),
    sets=('lfw',),
  ),
)


def values(rows: Sequence[Row], measure: str, family: str, recipe: str) -> list[float]:
  """One number of each seed. `course` is the mean Fréchet distance over the moments of a run, lower where it
  converges faster; `collapsed` is 1 or 0. A run that did not stay finite is infinitely bad, and has collapsed."""
  chosen = [row for row in rows if (row['family'], row['recipe']) == (family, recipe)]
  if measure == 'collapsed':
    covered = [row['metrics']['coverage'] for row in rows if row['family'] == 'data']
    return [float(_collapsed(row, covered[0] if covered else 1.0)) for row in chosen]
  return [_value(row, measure) for row in chosen]


def judged(claim: Claim, rows: Sequence[Row]) -> str:
  """What the rows of one set say of a claim, however few: what is decided by them, `verdict` says.

  It holds where every seed of the one is better than every seed of the other, and does not hold here where every seed
  is worse or all are equal. With four seeds each, chance alone parts them in one direction once in 70 times.
  """
  sign = -1 if claim.measure in _HIGHER_IS_BETTER else 1
  better, worse = (
    [sign * value for value in values(rows, claim.measure, *whose)] for whose in (claim.better, claim.worse)
  )
  if min(len(better), len(worse)) < LEANING:
    return OPEN
  if max(better) < min(worse):
    return HOLDS
  return NOT_HERE if min(better) >= max(worse) else OPEN


def verdict(sentence: Sentence, rows: Sequence[Row]) -> str:
  """It holds where all of its claims do, and does not where one does not; both once all of them have their seeds.

  Before that it is not decided, and may lean to what the claims say that have `LEANING` seeds of either side.
  """
  leaning = [claim for claim in sentence.claims if _seeds(claim, rows) >= LEANING]
  found = _together([judged(claim, rows) for claim in leaning])
  decided = all(_seeds(claim, rows) >= DECIDING for claim in sentence.claims)
  return found if decided else _LEANING[found]


def _together(found):
  if NOT_HERE in found:
    return NOT_HERE
  return HOLDS if set(found) == {HOLDS} else OPEN


def _seeds(claim, rows):
  return min(len(values(rows, claim.measure, *whose)) for whose in (claim.better, claim.worse))


def in_words(claims: Sequence[Claim], rows: Sequence[Row]) -> str:
  """The claims whose both sides were run, with their means over the seeds, how many, and what these say of each."""
  lines = []
  for claim in claims:
    better, worse = (values(rows, claim.measure, *whose) for whose in (claim.better, claim.worse))
    if better and worse:
      said = f'{_name(claim.better)} {mean_and_spread(better)}, {_name(claim.worse)} {mean_and_spread(worse)}'
      lines.append(f'{MEASURES[claim.measure]}: {said} ({len(better)} and {len(worse)} seeds)')
  unrun = len(claims) - len(lines)
  return '; '.join([*lines, *([f'{unrun} of {len(claims)} claims not run'] if unrun else [])])


def mean_and_spread(numbers: Sequence[float]) -> str:
  """The mean over the seeds ± their standard deviation, where there are several; runs that diverged are counted."""
  finite = [number for number in numbers if math.isfinite(number)]
  diverged = f' ({len(numbers) - len(finite)} diverged)' if len(finite) < len(numbers) else ''
  return f'{_mean_and_spread(finite) if finite else "-"}{diverged}'


def _mean_and_spread(numbers):
  mean = statistics.fmean(numbers)
  digits = max(0, 2 - math.floor(math.log10(abs(mean)))) if mean else 1
  spread = f' ± {statistics.stdev(numbers):.{digits}f}' if len(numbers) > 1 else ''
  return f'{mean:.{digits}f}{spread}'


def _value(row, measure):
  if 'metrics' not in row:
    return -math.inf if measure in _HIGHER_IS_BETTER else math.inf
  if measure == 'course':
    return statistics.fmean(row['course']['frechet_distance'])
  return row['metrics'][measure]


def _collapsed(row, of_data):
  """Whether its samples are next to equal, or near to next to nothing of what the data's are near to."""
  if 'metrics' not in row:
    return True
  metrics = row['metrics']
  return metrics['variety'] < COLLAPSED or metrics['coverage'] < UNCOVERED * of_data


def _name(whose):
  return f'{whose[0]} `{whose[1]}`'
