"""The reverse chain of denoising diffusion probabilistic models."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.samplers.over_levels._descent import LevelScoreFn, descent, score_at
from jaxgen.types import Sampler


def ddpm(
  score_fn: LevelScoreFn, sigmas: Sequence[float] | jax.Array | np.ndarray, data_std: float = 0.0
) -> Sampler:
  """Ancestral sampling of a diffusion (Ho et al. 2020, algorithm 2), in units of noise relative to the data.

  From `sigma` to `sigma'`, with `d = sigma^2 - sigma'^2`, fresh noise z and the data's standard deviation c,

      x' = x + d s(x, sigma) + sqrt(v) z,   v = d (c^2 + sigma'^2) / (c^2 + sigma^2).

  The mean is line 4 of the algorithm divided by `sqrt(alpha_bar')`, with `sigma^2 = 1 / alpha_bar - 1`. Both of the
  paper's variances (section 3.2) are `v`: its `beta_tilde`, right for data at one point, with `data_std` 0, and its
  `beta`, right for `N(0, I)`, with `data_std` 1. For Gaussian data of any `data_std` the chain is exact in however
  few steps, and without bound `v = d`: that is `euler_maruyama`. A step to 0 adds no noise. `L` levels take
  `L - 1` steps of `run`, of one evaluation each; past them the chain stands still.

  Args:
    score_fn: `(x f32[B, ...], sigma f32[B]) -> f32[B, ...]`, the score of the data blurred by `sigma`.
    sigmas: f32[L], falling; the last one may be 0, and is in the paper.
    data_std: of the data, which says what variance the steps have.

  Returns:
    A `Sampler` over f32[B, ...].

  Raises:
    ValueError: if there are fewer than two levels, one but the last is not positive, or they do not fall.
  """

  def move(rng, x, here, there):
    variance = (data_std**2 + there**2) / (data_std**2 + here**2) * (here**2 - there**2)
    return reverse_step(score_fn, rng, x, here, there, variance)

  return descent(move, sigmas)


def reverse_step(
  score_fn: LevelScoreFn,
  rng: jax.Array,
  x: jax.Array,
  here: jax.Array,
  there: jax.Array,
  variance: jax.Array,
) -> jax.Array:
  """`x + (sigma^2 - sigma'^2) s(x, sigma) + sqrt(variance) z`, f32[B, ...]; a step to 0 adds no noise."""
  noise = jnp.sqrt(variance) * jax.random.normal(rng, x.shape, x.dtype)
  return x + (here**2 - there**2) * score_at(score_fn, x, here) + jnp.where(there > 0, noise, 0.0)
