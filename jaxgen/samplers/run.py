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
  *,
  thin: int = 1,
) -> tuple[Any, Any]:
  """Runs `num_steps` steps of a sampler in one XLA program, in the memory of one step but for what is recorded.

  Step `i` uses the key `fold_in(rng, i)`, so a shorter run is the beginning of a longer one, and what is
  recorded does not change the chain.

  Args:
    sampler: `init(position) -> state`, `step(rng, state) -> (state, info)`.
    rng: the key of the whole run.
    position: where the chain starts; a pytree of arrays, usually `f32[B, ...]`, one chain per example.
    num_steps: the number of steps, not negative.
    trace: `(state, info) -> record` after each step, for instance `lambda state, info: state.position`;
      None records the infos alone, which for most samplers are small.
    thin: record one step of so many, counted back from the last, which is always among them.

  Returns:
    The last state, and the records stacked (a leading axis of `num_steps // thin`).

  Raises:
    ValueError: if `num_steps` is negative, or `thin` less than 1.
  """
  if num_steps < 0 or thin < 1:
    raise ValueError(
      f'num_steps must not be negative and thin at least 1, but they are {num_steps} and {thin}.'
    )

  def one(carry, _):
    state, index = carry
    state, info = sampler.step(jax.random.fold_in(rng, index), state)
    return (state, index + 1), info if trace is None else trace(state, info)

  def block(carry, length):
    # The record travels with the state, so that only a block's last one is ever stored.
    record = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(one, carry, None)[1])
    return lax.scan(lambda both, _: (one(both[0], None), None), (carry, record), length=length)[0]

  carry = sampler.init(position), jnp.zeros((), jnp.int32)
  if thin == 1:
    (state, _), records = lax.scan(one, carry, length=num_steps)
    return state, records
  if unrecorded := num_steps % thin:
    carry, _ = block(carry, unrecorded)
  (state, _), records = lax.scan(lambda carry, _: block(carry, thin), carry, length=num_steps // thin)
  return state, records
