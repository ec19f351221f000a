"""Where a run's random numbers come from: one root, its seed, and one tag for every purpose.

Two purposes never share a key, so that no number is measured on noise that a training step has seen.
"""

import jax

from jaxgen.types import PRNGKey

# A tag is for ever: another number would be another run. 0 and 1 are what `jax.random.split(root)` gives.
TAGS = {
  'init': 0,  # parameters at step 0
  'training': 1,  # every step folds its number in, and every device its own
  'samples': 2,  # the grids of a run: the same latents at every step
  'reconstruction': 3,
  'evaluation': 4,  # the model's own terms, batch by batch
  'interpolation': 5,
  'trajectory': 6,
  'standing_statistics': 7,
  'given': 8,  # whose conditions samples have
  'completion': 9,
  'measured_samples': 10,  # those that are compared with the data
  'likelihood': 11,  # and other terms per example of a measurement
  'traversal': 12,
  'export': 13,
  'codes': 14,
  'outliers': 15,  # sets made of images
  'attributes': 16,
  'levels': 17,
  'imputation': 18,
}


def of(seed: int, purpose: str) -> PRNGKey:
  """The key of a purpose, one of `TAGS`; whoever needs several folds numbers into it."""
  return jax.random.fold_in(jax.random.key(seed), TAGS[purpose])
