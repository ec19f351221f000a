"""Nearest neighbours and balls around samples, block by block: no matrix of all distances is ever held.

A block of distances is 16 MiB, whatever the number of samples. A process that compares 50,000 samples of 2,048 features
on either side takes 1.4 GiB at most, measured, of which 782 MiB are the features; also where float64 is needed.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgen.errors import UserError
from jaxgen.metrics.distances import squares
from jaxgen.metrics.frechet import check_features

BLOCK = 2048
_SPARE = 4  # neighbours looked at besides those asked for: rounding may turn near ties round


class BallCounts(NamedTuple):
  """For each radius (second axis): how often a sample of one set lies in the balls of the other.

  `fake_in_real` i32[M, R] counts the real balls around each fake sample, `real_hit` i32[N, R] the fake
  samples in each real ball, and `real_in_fake` i32[N, R] the fake balls around each real sample.
  """

  fake_in_real: np.ndarray
  real_hit: np.ndarray
  real_in_fake: np.ndarray


def nearest_others(points: np.ndarray, k: int, block: int = BLOCK) -> np.ndarray:
  """The squared distances from each point to its k nearest others, f32[N, k], ascending.

  Raises:
    UserError: if there are not more than k points, or some are not finite, or their distances.
  """
  points = _checked(points)
  (found,), _ = _radii((points,), range(1, k + 1), squares.centre_of(points), block)
  return found


def nearest(
  queries: np.ndarray, points: np.ndarray, k: int = 1, block: int = BLOCK
) -> tuple[np.ndarray, np.ndarray]:
  """The k points nearest to each query: their squared distances f32[M, k], ascending, and places i32[M, k].

  Raises:
    UserError: if there are fewer than k points, or numbers or distances that are not finite.
  """
  queries, points = _checked(queries), _checked(points)
  if len(points) < k:
    raise UserError(f'{len(points)} samples are too few to find the {k} nearest: give at least {k}.')
  centre = squares.centre_of(points)
  found, places = np.empty((len(queries), k), np.float32), np.empty((len(queries), k), np.int32)
  left = np.arange(len(queries))
  for squared in squares.ways(points.shape[1]):
    asked = queries[left]
    found[left], places[left] = _nearest(asked, points, k, block, centre, squared)
    left = left[~squares.resolved(found[left, -1], asked, centre)]
    if not len(left):
      break
  return found, places


def ball_counts(real: np.ndarray, fake: np.ndarray, ks: Sequence[int], block: int = BLOCK) -> BallCounts:
  """Counts samples in balls that reach from each sample of a set to its k-th nearest other, for each k.

  Balls are closed: a sample at exactly the radius lies inside. (The package `prdc` has open balls; the two differ
  where distances tie, as those of copies do.)

  Args:
    real: f[N, D].
    fake: f[M, D].
    ks: which neighbour sets the radius; several share one pass over the distances.
    block: rows of a block.

  Raises:
    UserError: if a set has not more than k samples, or the sets differ in width, or numbers or
      distances are not finite.
  """
  real, fake = _checked(real), _checked(fake)
  if real.shape[1] != fake.shape[1]:
    raise UserError(
      f'The features to compare are {real.shape[1]} and {fake.shape[1]} wide; use the same for both.'
    )
  centre = squares.centre_of(real)
  (real_radii, fake_radii), squared = _radii((real, fake), ks, centre, block)
  reals, fakes = _Blocks(real, block), _Blocks(fake, block)
  real_r, fake_r = _Blocks(real_radii, block), _Blocks(fake_radii, block)
  fake_in_real = [0] * len(fakes)
  real_hit, real_in_fake = [0] * len(reals), [0] * len(reals)
  with squares.precision(squared):
    for i in range(len(reals)):
      for j in range(len(fakes)):
        counts = jax.device_get(_count(*reals[i], *fakes[j], real_r[i][0], fake_r[j][0], centre, squared))
        fake_in_real[j], real_hit[i], real_in_fake[i] = (
          old + new for old, new in zip((fake_in_real[j], real_hit[i], real_in_fake[i]), counts, strict=True)
        )
  joined = (np.concatenate([np.asarray(part) for part in a]) for a in (fake_in_real, real_hit, real_in_fake))
  return BallCounts(*(a[:n] for a, n in zip(joined, (len(fake), len(real), len(real)), strict=True)))


def _radii(sets, ks, centre, block):
  """The squared distances of the points of each set to their k-th nearest others, and the way they were found."""
  for points in sets:
    if len(points) <= max(ks):
      raise UserError(
        f'{len(points)} samples have no {max(ks)} neighbours each: measure with at least {max(ks) + 1} samples.'
      )
  columns = np.asarray(ks) - 1

  def found_by(squared):
    return [_others(points, max(ks), block, centre, squared)[:, columns] for points in sets]

  *quick, sure = squares.ways(len(centre))
  for squared in quick:
    found = found_by(squared)
    if all(
      squares.resolved(radii.min(1), points, centre).all() for radii, points in zip(found, sets, strict=True)
    ):
      return found, squared
  return found_by(sure), sure


def _others(points, k, block, centre, squared):
  blocks = _Blocks(points, block)
  with squares.precision(squared):
    best = [jnp.full((blocks.size, k), jnp.inf, jnp.float32)] * len(blocks)
    for i in range(len(blocks)):
      rows, num_rows = blocks[i]
      best[i] = _keep_others(best[i], rows, num_rows, centre, squared)
      for j in range(i + 1, len(blocks)):  # each pair once: a distance serves both of its ends
        # Waited for, or the blocks of many calls would lie in memory at the same time.
        best[i], best[j] = jax.block_until_ready(
          _keep_both(best[i], best[j], rows, num_rows, *blocks[j], centre, squared)
        )
    return np.concatenate([np.asarray(b) for b in best])[: len(points)]


def _nearest(queries, points, k, block, centre, squared):
  asked, among, places = _Blocks(queries, block), _Blocks(points, block), []
  wanted = min(k + _SPARE, len(points))
  with squares.precision(squared):
    for i in range(len(asked)):
      best = jnp.full((asked.size, wanted), jnp.inf, jnp.float32), jnp.zeros((asked.size, wanted), jnp.int32)
      for j in range(len(among)):
        best = _keep_places(*best, asked[i][0], *among[j], j * among.size, centre, squared)
      places.append(np.asarray(best[1]))
  places = np.concatenate(places)[: len(queries)]
  # What decides among them, and is reported, is the difference itself: 0 for a copy.
  exact = np.stack([((queries - points[places[:, n]]) ** 2).sum(1) for n in range(wanted)], axis=1)
  order = exact.argsort(axis=1, kind='stable')[:, :k]
  return np.take_along_axis(exact, order, 1), np.take_along_axis(places, order, 1)


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
  squares.check_magnitude(features)
  return features


def _smallest(best, apart):
  k = best.shape[1]
  new = -lax.top_k(-apart, min(k, apart.shape[1]))[0]
  return -lax.top_k(-jnp.concatenate([best, new], axis=1), k)[0]


@functools.partial(jax.jit, static_argnames='squared')
def _keep_others(best, x, num, centre, squared):
  apart = squared(x, num, x, num, centre)
  return _smallest(best, jnp.where(jnp.eye(len(x), dtype=bool), jnp.inf, apart))


@functools.partial(jax.jit, static_argnames='squared')
def _keep_both(best_x, best_y, x, num_x, y, num_y, centre, squared):
  apart = squared(x, num_x, y, num_y, centre)
  return _smallest(best_x, apart), _smallest(best_y, apart.T)


@functools.partial(jax.jit, static_argnames='squared')
def _keep_places(best, places, x, y, num_y, start, centre, squared):
  apart = squared(x, len(x), y, num_y, centre)
  k = best.shape[1]
  new, where = lax.top_k(-apart, min(k, apart.shape[1]))
  all_squared = jnp.concatenate([best, -new], axis=1)
  all_places = jnp.concatenate([places, where + start], axis=1)
  kept, order = lax.top_k(-all_squared, k)
  return -kept, jnp.take_along_axis(all_places, order, axis=1)


@functools.partial(jax.jit, static_argnames='squared')
def _count(x, num_x, y, num_y, radii_x, radii_y, centre, squared):
  apart = squared(x, num_x, y, num_y, centre)
  in_x = [apart <= radii_x[:, r, None] for r in range(radii_x.shape[1])]
  in_y = [apart <= radii_y[None, :, r] for r in range(radii_y.shape[1])]
  return (
    jnp.stack([inside.sum(0, dtype=jnp.int32) for inside in in_x], axis=1),
    jnp.stack([inside.sum(1, dtype=jnp.int32) for inside in in_x], axis=1),
    jnp.stack([inside.sum(1, dtype=jnp.int32) for inside in in_y], axis=1),
  )
