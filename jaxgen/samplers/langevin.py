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
    leaves, structure = jax.tree.flatten(state.position)
    keys = jax.tree.unflatten(structure, list(jax.random.split(rng, len(leaves))))

    def move(key, x, s):
      noise = jax.random.normal(key, x.shape, x.dtype)
      return x + step_size / 2 * s + jnp.sqrt(step_size * temperature) * noise

    position = jax.tree.map(move, keys, state.position, score)
    return LangevinState(position), LangevinInfo(_rms(score))

  return Sampler(LangevinState, step)


def _rms(tree):
  leaves = jax.tree.leaves(tree)
  return jnp.sqrt(sum((leaf**2).sum() for leaf in leaves) / sum(leaf.size for leaf in leaves))
