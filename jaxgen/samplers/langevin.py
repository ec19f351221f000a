"""Unadjusted Langevin dynamics."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.types import Position, PRNGKey, Sampler


class LangevinState(NamedTuple):
  """Where the chain is."""

  position: Position


class LangevinInfo(NamedTuple):
  """`score_rms`, f32[]: the root mean square of the score's elements at the point that the step left."""

  score_rms: jax.Array


def langevin(
  score_fn: Callable[[Position], Position], step_size: float | jax.Array, temperature: float | jax.Array = 1.0
) -> Sampler:
  """Langevin dynamics without an accept step: `x + (step_size / 2) s(x) + sqrt(step_size temperature) z`.

  With `s = grad log p` and a small step its stationary distribution is near `p^(1 / temperature)`. The
  discretization has a bias: for `N(m, v)` the stationary variance is `v temperature / (1 - step_size / (4
  v))`, and from `step_size >= 4 v` on the chain diverges. A temperature of zero is exact gradient ascent on
  `log p` (Roberts & Tweedie 1996; the convention is that of Song & Ermon 2019, equation 4).

  Args:
    score_fn: from a position to a pytree of the same shape; any function that JAX can trace.
    step_size: the step; a number or f32[].
    temperature: the factor on the noise's variance, not negative.

  Returns:
    A `Sampler` over any pytree of f32 arrays.
  """

  def step(rng: PRNGKey, state: LangevinState) -> tuple[LangevinState, LangevinInfo]:
    score = score_fn(state.position)
    ascended = plus(state.position, step_size / 2, score)
    position = plus(ascended, jnp.sqrt(step_size * temperature), normal_like(rng, state.position))
    return LangevinState(position), LangevinInfo(rms(score))

  return Sampler(LangevinState, step)


def plus(tree: Position, factor: float | jax.Array, other: Position) -> Position:
  """`tree + factor other`, of trees of one structure."""
  return jax.tree.map(lambda a, b: a + factor * b, tree, other)


def normal_like(rng: PRNGKey, tree: Position) -> Position:
  """Draws of N(0, I) in the shape of a tree, f32 each, with a key for each leaf."""
  leaves, structure = jax.tree.flatten(tree)
  keys = jax.tree.unflatten(structure, list(jax.random.split(rng, len(leaves))))
  return jax.tree.map(lambda key, x: jax.random.normal(key, x.shape, x.dtype), keys, tree)


def rms(tree: Position) -> jax.Array:
  """The root mean square of all elements, f32[]."""
  leaves = jax.tree.leaves(tree)
  return jnp.sqrt(sum((leaf**2).sum() for leaf in leaves) / sum(leaf.size for leaf in leaves))
