"""Nearest neighbours and balls around samples, block by block: no matrix of all distances is ever held.

A block of distances is 16 MiB, whatever the number of samples, so that 50,000 samples of 2,048 features on
either side take little more memory than the features themselves (800 MiB).
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgen.errors import UserError
from jaxgen.metrics.frechet import check_features

BLOCK = 2048


class BallCounts(NamedTuple):
  """For each radius (second axis): how often a sample of one set lies in the balls of the other.

  `fake_in_real` i32[M, R] counts the real balls around each fake sample, `real_hit` i32[N, R] the fake
  samples in each real ball, and `real_in_fake` i32[N, R] the fake balls around each real sample.
  """

  fake_in_real: np.ndarray
  real_hit: np.ndarray
  real_in_fake: np.ndarray


def nearest_others(points, k: int, block: int = BLOCK) -> np.ndarray:
  """The squared distances from each point to its k nearest others, f32[N, k], ascending.

  Raises:
    UserError: if there are not more than k points, or some are not finite.
  """
  points = _checked(points)
  if len(points) <= k:
    raise UserError(
      f'{len(points)} samples have no {k} neighbours each: measure with at least {k + 1} samples.'
    )
  centre, blocks = points.mean(0, dtype=np.float64).astype(np.float32), _Blocks(points, block)
  best = [jnp.full((blocks.size, k), jnp.inf)] * len(blocks)
  for i in range(len(blocks)):
    rows, num_rows = blocks[i]
    best[i] = _keep_others(best[i], rows, num_rows, centre)
    for j in range(i + 1, len(blocks)):  # each pair once: a distance serves both of its ends
      best[i], best[j] = _keep_both(best[i], best[j], rows, num_rows, *blocks[j], centre)
  return np.concatenate([np.asarray(b) for b in best])[: len(points)]


def nearest(queries, points, k: int = 1, block: int = BLOCK) -> tuple[np.ndarray, np.ndarray]:
  """The k points nearest to each query: their squared distances f32[M, k], ascending, and places i32[M, k].

  Raises:
    UserError: if there are fewer than k points, or numbers that are not finite.
  """
  queries, points = _checked(queries), _checked(points)
  if len(points) < k:
    raise UserError(f'{len(points)} samples are too few to find the {k} nearest: give at least {k}.')
  centre = points.mean(0, dtype=np.float64).astype(np.float32)
  asked, among = _Blocks(queries, block), _Blocks(points, block)
  places = []
  for i in range(len(asked)):
    best = jnp.full((asked.size, k), jnp.inf), jnp.zeros((asked.size, k), jnp.int32)
    for j in range(len(among)):
      best = _keep_places(*best, asked[i][0], *among[j], j * among.size, centre)
    places.append(np.asarray(best[1]))
  places = np.concatenate(places)[: len(queries)]
  # The expanded square is good to 1e-6 of the norms; what is reported is the difference itself: 0 for a copy.
  exact = np.stack([((queries - points[places[:, n]]) ** 2).sum(1) for n in range(k)], axis=1)
  order = exact.argsort(axis=1, kind='stable')
  return np.take_along_axis(exact, order, 1), np.take_along_axis(places, order, 1)


def ball_counts(real, fake, ks: Sequence[int], block: int = BLOCK) -> BallCounts:
  """Counts samples in balls that reach from each sample of a set to its k-th nearest other, for each k.

  Args:
    real: f[N, D].
    fake: f[M, D].
    ks: which neighbour sets the radius; several share one pass over the distances.
    block: rows of a block.

  Raises:
    UserError: if a set has not more than k samples, or the sets differ in width, or numbers are not finite.
  """
  real, fake = _checked(real), _checked(fake)
  if real.shape[1] != fake.shape[1]:
    raise UserError(
      f'The features to compare are {real.shape[1]} and {fake.shape[1]} wide; use the same for both.'
    )
  places = np.asarray(ks) - 1
  real_radii = nearest_others(real, max(ks), block)[:, places]
  fake_radii = nearest_others(fake, max(ks), block)[:, places]
  centre = real.mean(0, dtype=np.float64).astype(np.float32)
  reals, fakes = _Blocks(real, block), _Blocks(fake, block)
  real_r, fake_r = _Blocks(real_radii, block), _Blocks(fake_radii, block)
  fake_in_real = [0] * len(fakes)
  real_hit, real_in_fake = [0] * len(reals), [0] * len(reals)
  for i in range(len(reals)):
    for j in range(len(fakes)):
      counts = _count(*reals[i], *fakes[j], real_r[i][0], fake_r[j][0], centre)
      fake_in_real[j], real_hit[i], real_in_fake[i] = (
        old + new for old, new in zip((fake_in_real[j], real_hit[i], real_in_fake[i]), counts, strict=True)
      )
  joined = (np.concatenate([np.asarray(part) for part in a]) for a in (fake_in_real, real_hit, real_in_fake))
  return BallCounts(*(a[:n] for a, n in zip(joined, (len(fake), len(real), len(real)), strict=True)))


class _Blocks:
  """The rows of an array in blocks of one shape, so that one program serves all; the last is padded."""

  def __init__(self, rows, block):
    self._rows = rows
    self.size = min(block, -(-len(rows) // 128) * 128)

  def __len__(self):
    return -(-len(self._rows) // self.size)

  def __getitem__(self, index):
    part = self._rows[index * self.size : (index + 1) * self.size]
    num = len(part)
    return (part if num == self.size else np.pad(part, ((0, self.size - num), (0, 0)))), num


def _checked(features):
  features = np.asarray(features, np.float32)
  check_features(features)
  return features


def _squared(x, num_x, y, num_y, centre):
  """f32[X, Y]; infinite in the padding. Features are centred first: small norms keep the expansion exact."""
  # The barriers: XLA would else repeat what stands before the product, and the distances for each of their uses.
  x, y = lax.optimization_barrier((x - centre, y - centre))
  dots = lax.dot_general(x, y, (((1,), (1,)), ((), ())), precision=lax.Precision.HIGHEST)
  norms = _norms(x, num_x)[:, None], _norms(y, num_y)[None]
  (norms_x, norms_y), dots = lax.optimization_barrier((norms, dots))
  return lax.optimization_barrier(jnp.maximum(norms_x + norms_y - 2 * dots, 0))


def _norms(x, num):
  return jnp.where(jnp.arange(len(x)) < num, (x * x).sum(1), jnp.inf)


def _smallest(best, squared):
  k = best.shape[1]
  new = -lax.top_k(-squared, min(k, squared.shape[1]))[0]
  return -lax.top_k(-jnp.concatenate([best, new], axis=1), k)[0]


@jax.jit
def _keep_others(best, x, num, centre):
  squared = _squared(x, num, x, num, centre)
  return _smallest(best, jnp.where(jnp.eye(len(x), dtype=bool), jnp.inf, squared))


@jax.jit
def _keep_both(best_x, best_y, x, num_x, y, num_y, centre):
  squared = _squared(x, num_x, y, num_y, centre)
  return _smallest(best_x, squared), _smallest(best_y, squared.T)


@jax.jit
def _keep_places(best, places, x, y, num_y, start, centre):
  squared = _squared(x, len(x), y, num_y, centre)
  k = best.shape[1]
  new, where = lax.top_k(-squared, min(k, squared.shape[1]))
  all_squared = jnp.concatenate([best, -new], axis=1)
  all_places = jnp.concatenate([places, where + start], axis=1)
  kept, order = lax.top_k(-all_squared, k)
  return -kept, jnp.take_along_axis(all_places, order, axis=1)


@jax.jit
def _count(x, num_x, y, num_y, radii_x, radii_y, centre):
  squared = _squared(x, num_x, y, num_y, centre)
  in_x = [squared <= radii_x[:, r, None] for r in range(radii_x.shape[1])]
  in_y = [squared <= radii_y[None, :, r] for r in range(radii_y.shape[1])]
  return (
    jnp.stack([inside.sum(0) for inside in in_x], axis=1),
    jnp.stack([inside.sum(1) for inside in in_x], axis=1),
    jnp.stack([inside.sum(1) for inside in in_y], axis=1),
  )
