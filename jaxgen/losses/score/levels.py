"""How large noise has to be, and how many levels of it there have to be (Song & Ermon 2020)."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm

from jaxgen.losses._checks import check_batched


def geometric_sigmas(sigma_max: float, sigma_min: float, num_levels: int) -> jax.Array:
  """Noise levels from `sigma_max` down to `sigma_min` in equal ratios, f32[num_levels].

  (Song & Ermon 2019, section 4.1; `max_distance` and `num_levels` help to choose them.)

  Raises:
    ValueError: unless `sigma_max > sigma_min > 0` and there are at least two levels.
  """
  if not sigma_max > sigma_min > 0 or num_levels < 2:
    raise ValueError(
      'noise levels need sigma_max > sigma_min > 0 and at least two levels, not '
      f'sigma_max={sigma_max}, sigma_min={sigma_min}, num_levels={num_levels}.'
    )
  return jnp.asarray(np.geomspace(sigma_max, sigma_min, num_levels), jnp.float32)


def max_distance(x: jax.Array) -> jax.Array:
  """The largest distance between two examples, f32[]: a good `sigma_max` (Song & Ermon 2020, technique 1).

  Args:
    x: f32[B, ...].

  Raises:
    ValueError: if `x` is a single number.
  """
  check_batched(x=x)
  flat = x.reshape(x.shape[0], -1)
  squares = (flat**2).sum(1)
  return jnp.sqrt(jnp.maximum(squares[:, None] + squares[None] - 2 * flat @ flat.T, 0).max())


def level_overlap(ratio: float, dim: int) -> jax.Array:
  """How much of one noise level's mass the next one covers (Song & Ermon 2020, technique 2).

  Noise of standard deviation `sigma` in `dim` dimensions has a radius of about `N(sqrt(dim) sigma,
  sigma^2 / 2)`. This is the share of a level's radii within three deviations of those of the
  level `ratio > 1` times as large; about 0.5 is asked for.
  """
  centre = np.sqrt(2 * dim) * (ratio - 1)
  return norm.cdf(centre + 3 * ratio) - norm.cdf(centre - 3 * ratio)


def num_levels(sigma_max: float, sigma_min: float, dim: int, overlap: float = 0.5) -> int:
  """The fewest geometric levels whose neighbours overlap by `overlap` (Song & Ermon 2020, technique 2)."""
  count = 2
  while level_overlap((sigma_max / sigma_min) ** (1 / (count - 1)), dim) < overlap:
    count += 1
  return count
