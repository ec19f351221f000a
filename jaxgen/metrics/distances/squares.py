"""Squared distances between two blocks of points, true however close the points are to each other.

`|x|^2 + |y|^2 - 2xy` is fast, and good to about 1e-6 of the norms in float32: not enough where neighbours are much
closer to each other than to the middle of the data. So distances in few dimensions are sums of squared differences, and
in many the expanded square, in float64 where float32 turns out not to resolve what was looked for.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgen.errors import UserError

Count = jax.Array | int  # of points that are none of the filling
_FEW = 8  # dimensions in which differences are as fast as products
# Of a point's squared norm: a squared distance above it is good to 1e-4 at worst, 1e-5 in the mean, from products.
_RESOLVED = 0.02
_ROWS = 2048


class Squared(Protocol):
  """Squared distances f32[X, Y] from x f32[X, D] to y f32[Y, D]; infinite beyond their first `num_x` and `num_y`."""

  def __call__(
    self, x: jax.Array, num_x: Count, y: jax.Array, num_y: Count, centre: jax.Array
  ) -> jax.Array: ...


def ways(dims: int) -> Sequence[Squared]:
  """Ways to compute them, the quickest first; the last is good enough for any data."""
  return (differences,) if dims <= _FEW else (products, double_products)


def precision(squared: Squared) -> AbstractContextManager:
  """What a way has to be called under."""
  return jax.enable_x64(squared is double_products)


def check_magnitude(points: np.ndarray) -> None:
  """Twice the largest of the f32[N, D] in every dimension has a square that float32 holds.

  Raises:
    UserError: if not.
  """
  largest = max(points.max(initial=0), -points.min(initial=0))
  if float(largest) ** 2 * 4 * points.shape[1] > float(np.finfo(np.float32).max):
    raise UserError(
      f'There are features as large as {largest:.3g}, whose distances are beyond float32; look at these samples.'
    )


def resolved(found: np.ndarray, points: np.ndarray, centre: np.ndarray) -> np.ndarray:
  """Whether squared distances f32[N], one of each point, are far above the rounding of `products`, bool[N]."""
  parts = [points[start : start + _ROWS] - centre for start in range(0, len(points), _ROWS)]
  norms = np.concatenate([np.einsum('nd,nd->n', part, part) for part in parts])
  return found >= _RESOLVED * norms


def centre_of(points: np.ndarray) -> np.ndarray:
  """Nearly their mean, f32[D]: about it norms are small, and so is the rounding of `products`.

  It lies a multiple of a power of two, a 64th of the range or less, from the least of them in each dimension: about it,
  unlike about the mean itself, data on a grid (counts, pixels) have few digits, and distances that tie still do.
  """
  low = points.min(0).astype(np.float64)
  extent = points.max(0) - low
  unit = np.exp2(np.floor(np.log2(np.where(extent > 0, extent, 1) / 64)))
  return (low + unit * np.rint((points.mean(0, dtype=np.float64) - low) / unit)).astype(np.float32)


def differences(x: jax.Array, num_x: Count, y: jax.Array, num_y: Count, centre: jax.Array) -> jax.Array:
  """Squared differences, one dimension after the other: exact to rounding, and 0 for a copy."""
  del centre
  squared = sum((x[:, d, None] - y[None, :, d]) ** 2 for d in range(x.shape[1]))
  inside = (jnp.arange(len(x)) < num_x)[:, None] & (jnp.arange(len(y)) < num_y)
  return lax.optimization_barrier(jnp.where(inside, squared, jnp.inf))


def products(x: jax.Array, num_x: Count, y: jax.Array, num_y: Count, centre: jax.Array) -> jax.Array:
  """The expanded square, in the type of x and y."""
  # The barriers: XLA would else repeat what stands before the product, and the distances for each of their uses.
  x, y = lax.optimization_barrier((x - centre, y - centre))
  dots = lax.dot_general(x, y, (((1,), (1,)), ((), ())), precision=lax.Precision.HIGHEST)
  norms = _norms(x, num_x)[:, None], _norms(y, num_y)[None]
  (norms_x, norms_y), dots = lax.optimization_barrier((norms, dots))
  return lax.optimization_barrier(jnp.maximum(norms_x + norms_y - 2 * dots, 0).astype(jnp.float32))


def double_products(x: jax.Array, num_x: Count, y: jax.Array, num_y: Count, centre: jax.Array) -> jax.Array:
  """The expanded square in float64; of its result float32 is enough."""
  x, y, centre = (a.astype(jnp.float64) for a in (x, y, centre))
  return products(x, num_x, y, num_y, centre)


def _norms(x, num):
  return jnp.where(jnp.arange(len(x)) < num, (x * x).sum(1), jnp.inf)
