"""Where a chain over noise levels stops on its way, beside `jaxgen.losses.score.geometric_sigmas`."""

from collections.abc import Sequence

import jax
import numpy as np


def karras_levels(
  sigma_max: float, sigma_min: float, num_levels: int, rho: float = 7.0, *, zero: bool = True
) -> np.ndarray:
  """Levels whose `1 / rho`-th power falls evenly (Karras et al. 2022, equation 5), f32[num_levels], and a last 0.

  A large rho has short steps near the data; with the least, 1, steps are equal, and without bound their ratios are.

  Raises:
    ValueError: unless `sigma_max > sigma_min > 0`, rho is at least 1 and there is at least one level.
  """
  if not sigma_max > sigma_min > 0 or not rho >= 1 or num_levels < 1:
    raise ValueError(
      'noise levels need sigma_max > sigma_min > 0, rho >= 1 and at least one level, not '
      f'sigma_max={sigma_max}, sigma_min={sigma_min}, rho={rho}, num_levels={num_levels}.'
    )
  levels = np.linspace(sigma_max ** (1 / rho), sigma_min ** (1 / rho), num_levels) ** rho
  return np.append(levels, [0.0] * zero).astype(np.float32)


def spaced_levels(
  sigmas: Sequence[float] | jax.Array | np.ndarray, num_levels: int, *, zero: bool = True
) -> np.ndarray:
  """So many of a path's own levels, evenly spaced by their number: f32[num_levels], and a last 0.

  The first and the last are among them. Of levels that are uniform in a path's time, as those of a
  variance-preserving one are, these are again uniform in time (the linear subsequence of Song, Meng & Ermon 2021,
  appendix D.2).

  Raises:
    ValueError: unless there is at least one, and no more than the path has.
  """
  if not 1 <= num_levels <= len(sigmas):
    raise ValueError(f'num_levels must be between 1 and the {len(sigmas)} of the path, not {num_levels}.')
  chosen = np.linspace(0, len(sigmas) - 1, num_levels).round().astype(int)
  return np.append(np.asarray(sigmas)[chosen], [0.0] * zero).astype(np.float32)
