"""The Euler-Maruyama method on the reverse diffusion."""

from collections.abc import Sequence

import jax
import numpy as np

from jaxgen.samplers.over_levels._descent import LevelScoreFn, descent
from jaxgen.samplers.over_levels.ddpm import reverse_step
from jaxgen.types import Sampler


def euler_maruyama(score_fn: LevelScoreFn, sigmas: Sequence[float] | jax.Array | np.ndarray) -> Sampler:
  """The reverse SDE in the time `sigma^2`, in which `dx = -s d(sigma^2) + dW` (Song et al. 2021, equation 6).

  From `sigma` to `sigma'`, with `d = sigma^2 - sigma'^2` and fresh noise z,

      x' = x + d s(x, sigma) + sqrt(d) z

  (their equation 46, the predictor of a variance-exploding diffusion). A step to 0 adds no noise: it gives the expected
  clean data. For data `N(m, c^2)` a step takes the variance V to `(1 - d / (c^2 + sigma^2))^2 V + d`, which leaves
  samples too wide; the error falls as the step. `L` levels take `L - 1` steps of `run`, of one evaluation each; past
  them the chain stands still.

  Args:
    score_fn: `(x f32[B, ...], sigma f32[B]) -> f32[B, ...]`, the score of the data blurred by `sigma`.
    sigmas: f32[L], falling; the last one may be 0.

  Returns:
    A `Sampler` over f32[B, ...].

  Raises:
    ValueError: if there are fewer than two levels, one but the last is not positive, or they do not fall.
  """
  return descent(
    lambda rng, x, here, there: reverse_step(score_fn, rng, x, here, there, here**2 - there**2), sigmas
  )
