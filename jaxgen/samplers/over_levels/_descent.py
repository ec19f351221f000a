"""What all chains over noise levels have in common: they go from one level to the next, and then stand still."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxgen.types import PRNGKey, Sampler

LevelScoreFn = Callable[[jax.Array, jax.Array], jax.Array]  # (x f32[B, ...], sigma f32[B]) -> f32[B, ...]


class DescentState(NamedTuple):
  """`position` is f32[B, ...]; `step`, i32[], counts the steps taken: the number of the level that it is at."""

  position: jax.Array
  step: jax.Array


class LevelInfo(NamedTuple):
  """`sigma`, f32[]: the noise level that the step reached."""

  sigma: jax.Array


def descent(
  move: Callable[[PRNGKey, jax.Array, jax.Array, jax.Array], jax.Array],
  sigmas: Sequence[float] | jax.Array | np.ndarray,
  *,
  falling: bool = True,
) -> Sampler:
  """A sampler of `move(rng, x f32[B, ...], here f32[], there f32[]) -> f32[B, ...]` from each level to the next.

  Raises:
    ValueError: as `checked_levels`.
  """
  levels = checked_levels(sigmas, falling=falling)
  last = len(levels) - 1

  def init(position):
    return DescentState(position, jnp.zeros((), jnp.int32))

  def step(rng: PRNGKey, state: DescentState) -> tuple[DescentState, LevelInfo]:
    here, there = interval(levels, state.step)
    moved = move(rng, state.position, here, there)
    return DescentState(jnp.where(state.step < last, moved, state.position), state.step + 1), LevelInfo(there)

  return Sampler(init, step)


def interval(levels: jax.Array, step: jax.Array) -> tuple[jax.Array, jax.Array]:
  """The levels, f32[] each, between which a step leads; past the end, the last two."""
  index = jnp.minimum(step, len(levels) - 2)
  return levels[index], levels[index + 1]


def score_at(score_fn: LevelScoreFn, x: jax.Array, sigma: jax.Array) -> jax.Array:
  """The score at one level f32[] for all examples, f32[B, ...]."""
  return score_fn(x, jnp.broadcast_to(sigma, x.shape[:1]))


def denoised(score_fn: LevelScoreFn, x: jax.Array, sigma: jax.Array) -> jax.Array:
  """The expected clean data, `x + sigma^2 s(x, sigma)` (Tweedie's formula; Efron 2011, equation 2.8): f32[B, ...]."""
  return x + sigma**2 * score_at(score_fn, x, sigma)


def checked_levels(sigmas: Sequence[float] | jax.Array | np.ndarray, *, falling: bool = True) -> jax.Array:
  """The levels f32[L], at least two, positive but for the last one, which may be 0, and `falling` where they have to.

  Raises:
    ValueError: if they are not; of levels that are traced, only if there are too few.
  """
  if len(sigmas) < 2:
    raise ValueError(f'a way over noise levels needs at least two of them, not {len(sigmas)}.')
  if not isinstance(sigmas, Tracer):
    levels = np.asarray(sigmas)
    if not (levels[:-1] > 0).all() or not levels[-1] >= 0:
      raise ValueError(
        'there is a score only where there is noise: noise levels must be positive, but for a last one of 0.'
      )
    if falling and not (np.diff(levels) < 0).all():
      raise ValueError('the noise levels of this sampler must fall, each below the one before.')
  return jnp.asarray(sigmas, float)
