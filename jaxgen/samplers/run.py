"""One Markov chain as one XLA program."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.types import Position, PRNGKey, Sampler


def run(
  sampler: Sampler,
  rng: PRNGKey,
  position: Position,
  num_steps: int,
  trace: Callable[[Any, Any], Any] | None = None,
) -> tuple[Any, Any]:
  """Runs `num_steps` steps of a sampler in one `lax.scan`.

  Step `i` uses the key `fold_in(rng, i)`, so a shorter run is the beginning of a longer one.

  Args:
    sampler: `init(position) -> state`, `step(rng, state) -> (state, info)`.
    rng: the key of the whole run.
    position: where the chain starts; a pytree of arrays, usually `f32[B, ...]`, one chain per example.
    num_steps: the number of steps, not negative.
    trace: `(state, info) -> record` after each step, for instance `lambda state, info: state.position`;
      None records the infos alone, which for most samplers are small.

  Returns:
    The last state, and the records stacked over the steps (a leading axis of `num_steps`).

  Raises:
    ValueError: if `num_steps` is negative.
  """
  if num_steps < 0:
    raise ValueError(f'num_steps must not be negative, but is {num_steps}.')

  def body(state, index):
    state, info = sampler.step(jax.random.fold_in(rng, index), state)
    return state, info if trace is None else trace(state, info)

  return lax.scan(body, sampler.init(position), jnp.arange(num_steps))
