"""The sentences of the first comparison, and what the rows at hand say of them."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from experiments.biggan_vs_vae.recipes import GAN, VAE

Row = Mapping[str, Any]
COLLAPSED = 0.05  # of the variance of the data, as `jaxgen.families.gan.health` has it
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
    _of_both(('course',), 'base', 'rmsprop') + _of_both(('course',), 'base', 'sgd'),
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
  converges faster; `collapsed` is 1 or 0, and 1 of a run that did not stay finite."""
  chosen = [row for row in rows if (row['family'], row['recipe']) == (family, recipe)]
  return [_value(row, measure) for row in chosen if measure == 'collapsed' or 'metrics' in row]


def judged(claim: Claim, rows: Sequence[Row]) -> str:
  """What the rows of one set say of a claim.

  It holds where every seed of the one is better than every seed of the other, and does not hold here where every seed
  is worse or all are equal. With three seeds each, chance alone parts them so once in ten times, in one direction once
  in twenty. Of fewer than two seeds on either side nothing is decided.
  """
  sign = -1 if claim.measure in _HIGHER_IS_BETTER else 1
  better, worse = (
    [sign * value for value in values(rows, claim.measure, *whose)] for whose in (claim.better, claim.worse)
  )
  if min(len(better), len(worse)) < 2:
    return OPEN
  if max(better) < min(worse):
    return HOLDS
  return NOT_HERE if min(better) >= max(worse) else OPEN


def verdict(sentence: Sentence, rows: Sequence[Row]) -> str:
  """It holds where all of its claims do, and does not where one does not."""
  found = [judged(claim, rows) for claim in sentence.claims]
  if NOT_HERE in found:
    return NOT_HERE
  return HOLDS if set(found) == {HOLDS} else OPEN


def in_words(claims: Sequence[Claim], rows: Sequence[Row]) -> str:
  """The claims whose both sides were run, with their means over the seeds, and what is said of each."""
  lines = []
  for claim in claims:
    better, worse = (values(rows, claim.measure, *whose) for whose in (claim.better, claim.worse))
    if better and worse:
      said = f'{_name(claim.better)} {mean_and_spread(better)}, {_name(claim.worse)} {mean_and_spread(worse)}'
      lines.append(f'{MEASURES[claim.measure]}: {said}: {judged(claim, rows)}')
  return '; '.join(lines) or 'not run'


def mean_and_spread(numbers: Sequence[float]) -> str:
  """The mean over the seeds ± their standard deviation, where there are several."""
  if not numbers:
    return '-'
  mean = statistics.fmean(numbers)
  digits = max(0, 2 - math.floor(math.log10(abs(mean)))) if mean else 1
  spread = f' ± {statistics.stdev(numbers):.{digits}f}' if len(numbers) > 1 else ''
  return f'{mean:.{digits}f}{spread}'


def _value(row, measure):
  if measure == 'course':
    return statistics.fmean(row['course']['frechet_distance'])
  if measure == 'collapsed':
    return float('metrics' not in row or row['metrics']['variety'] < COLLAPSED)
  return row['metrics'][measure]


def _name(whose):
  return f'{whose[0]} `{whose[1]}`'
