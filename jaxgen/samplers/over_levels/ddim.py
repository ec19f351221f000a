"""Denoising diffusion implicit models: from noise to data with as much fresh noise as one wants."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.samplers.over_levels._descent import LevelScoreFn, denoised, descent
from jaxgen.types import Sampler


def ddim(
  score_fn: LevelScoreFn, sigmas: Sequence[float] | jax.Array | np.ndarray, eta: float = 0.0
) -> Sampler:
  """DDIM (Song, Meng & Ermon 2021, equations 12 and 16), in units of noise relative to the data.

  From `sigma` to `sigma'`, with the expected clean data `D = x + sigma^2 s(x, sigma)`,

      x' = D + sqrt(sigma'^2 - w^2) (x - D) / sigma + w z,   w = eta sigma' sqrt(sigma^2 - sigma'^2) / sigma,

  which is their equation 12 divided by `sqrt(alpha')`, with `sigma^2 = 1 / alpha - 1` (their alpha is the product that
  Ho et al. 2020 write with a bar). Without noise (`eta` 0) it is `euler`; with all of it (`eta` 1) it is `ddpm` with
  the smaller of its variances. `L` levels take `L - 1` steps of `run`, of one evaluation each; past them the chain
  stands still.

  Args:
    score_fn: `(x f32[B, ...], sigma f32[B]) -> f32[B, ...]`, the score of the data blurred by `sigma`.
    sigmas: f32[L], falling; the last one may be 0.
    eta: the noise, from 0 to 1.

  Returns:
    A `Sampler` over f32[B, ...].

  Raises:
    ValueError: if eta is not between 0 and 1, there are fewer than two levels, one but the last is not positive, or
      they do not fall.
  """
  if not 0 <= eta <= 1:
    raise ValueError(f'the eta of DDIM is between 0, no noise, and 1, that of DDPM; it is {eta}.')

  def move(rng, x, here, there):
    clean = denoised(score_fn, x, here)
    # The variance of the fresh noise, relative to sigma'^2.
    fresh = eta**2 * (1 - (there / here) ** 2)
    noise = jax.random.normal(rng, x.shape, x.dtype)
    return clean + there * (jnp.sqrt(1 - fresh) * (x - clean) / here + jnp.sqrt(fresh) * noise)

  return descent(move, sigmas)
