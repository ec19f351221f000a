"""How many samples a classifier of the digits recognizes, and as what.

    python -m experiments.codes runs/codes_digits/sampled/decoded.npz

A sample is recognized where the classifier of `jaxgen.metrics.features`, trained on these digits, gives a class more
than 0.9. Test digits and draws of uniform codes are the two ends of the scale.
"""

import sys
from pathlib import Path

import jax
import numpy as np

from jaxgen import data, evaluate
from jaxgen.config import defaults
from jaxgen.data import cache
from jaxgen.metrics import features

CONFIDENT = 0.9


def recognized(probabilities: np.ndarray, label: np.ndarray | None) -> dict[str, float]:
  """Shares, of probabilities f32[N, classes]: confident, of the class asked for, both, and of the rarest class."""
  sure, found = probabilities.max(1) > CONFIDENT, probabilities.argmax(1)
  shares = {'confident': sure.mean()}
  if label is not None:
    shares |= {'class asked for': (found == label).mean(), 'both': (sure & (found == label)).mean()}
  counts = np.bincount(found, minlength=probabilities.shape[1])
  return shares | {'rarest class': counts.min() / len(found), 'commonest class': counts.max() / len(found)}


def main(paths: list[str]) -> int:
  """Prints a row for the test digits and one for each archive; returns the exit code."""
  config = data.resolve(defaults())
  reference = evaluate.reference_of(config)
  chosen = features.choose(reference, (cache.directory() or Path('.cache')) / 'metrics', 'classifier')

  def probabilities(x):
    parts = [x[start : start + chosen.batch_size] for start in range(0, len(x), chosen.batch_size)]
    return np.asarray(jax.nn.softmax(np.concatenate([np.asarray(chosen.apply(part)[1]) for part in parts])))

  sets = {'test digits': reference.test.examples(np.arange(len(reference.test)))}
  for path in paths:
    with np.load(path) as arrays:
      sets[path] = {name: arrays[name] for name in ('x', 'label') if name in arrays}
  for name, arrays in sets.items():
    shares = recognized(probabilities(arrays['x']), arrays.get('label'))
    print(
      f'{name}, {len(arrays["x"]):,}: ' + ', '.join(f'{what} {share:.3f}' for what, share in shares.items())
    )
  return 0


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
