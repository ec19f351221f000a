"""What a claim is, and what speaks for or against it."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from experiments.microscope import verdict
from experiments.microscope.lab import Lab, NotHere
from experiments.microscope.settings import kept
from experiments.microscope.verdict import Test, seeds_in_words


class Evidence(NamedTuple):
  """What a claim's experiment found.

  Attributes:
    tests: of which all have to hold.
    figures: see `charts`.
    how: what was done, in one or two sentences: arms, steps, n, features, weights.
    note: what a reader has to know besides.
  """

  tests: Sequence[Test]
  figures: Sequence[dict]
  how: str
  note: str = ''


class Claim(NamedTuple):
  """A sentence, and the experiment that decides about it; None where its models do not exist yet."""

  name: str
  sentence: str
  experiment: Callable[[Lab], Evidence] | None


def judge(claim: Claim, lab: Lab) -> dict[str, Any]:
  """Does the experiment, or reads what it found.

  Returns:
    `{'name', 'sentence', 'verdict', 'tests', 'figures', 'how', 'note'}`, JSON all of it.
  """
  path = lab.tools.settings.out / 'measured' / 'claims' / f'{claim.name}_{len(lab.seeds)}.json'
  found = kept(path, lambda: _judge(claim, lab))
  lab.tools.say(f'{found["verdict"]:22} {claim.sentence}')
  return found


def _judge(claim, lab):
  result = {'name': claim.name, 'sentence': claim.sentence}
  if claim.experiment is None:
    missing = 'This project has no such model yet.'
    return result | {'verdict': verdict.MISSING, 'tests': [], 'figures': [], 'how': missing, 'note': ''}
  try:
    evidence = claim.experiment(lab)
  except NotHere as reason:
    return result | {'verdict': verdict.OPEN, 'tests': [], 'figures': [], 'how': str(reason), 'note': ''}
  tests = [test._replace(values=[float(v) for v in test.values]) for test in evidence.tests]
  return _finite(
    result
    | {
      'verdict': verdict.joint(tests),
      'tests': [
        test._asdict() | {'verdict': verdict.decide(test), 'text': verdict.describe(test)} for test in tests
      ],
      'figures': list(evidence.figures),
      'how': evidence.how,
      'note': evidence.note,
    }
  )


def _finite(tree):
  """JSON knows no nan."""
  if isinstance(tree, float):
    return tree if math.isfinite(tree) else None
  if isinstance(tree, dict):
    return {key: _finite(value) for key, value in tree.items()}
  return [_finite(value) for value in tree] if isinstance(tree, (list, tuple)) else tree


def averaged(lab: Lab, samples: int, steps: int = 0) -> str:
  """The protocol, in words, for the end of `how`; 0 samples: the test has none."""
  tools = lab.tools
  trained = f'{steps:,} training steps, ' if steps else ''
  sampled = f', {tools.enough(samples):,} samples against one half of the training split' if samples else ''
  return (
    f'{trained}averaged weights, {seeds_in_words(len(lab.seeds))}{sampled}, features: {tools.features.name}.'
  )
