"""Underdamped Langevin dynamics: a chain with a velocity."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.samplers.langevin import LangevinInfo, normal_like, plus, rms
from jaxgen.types import Position, PRNGKey, Sampler


class UnderdampedState(NamedTuple):
  """Where the chain is, and its velocity between the two halves of a kick; both of one structure."""

  position: Position
  velocity: Position


def underdamped(
  score_fn: Callable[[Position], Position],
  step_size: float | jax.Array,
  friction: float | jax.Array = 1.0,
  temperature: float | jax.Array = 1.0,
) -> Sampler:
  """`dx = v dt`, `dv = (s(x) - friction v) dt + sqrt(2 friction temperature) dW`, by BAOAB (Leimkuhler & Matthews
  2013).

  A step of h is a kick, half a move, friction and noise, half a move:

      v <- v + h s(x),   x <- x + (h / 2) v,   v <- c v + sqrt((1 - c^2) temperature) z,   x <- x + (h / 2) v

  with `c = exp(-friction h)`: the splitting whose last half-kick and next first one are taken as one, so that a step
  costs one evaluation. The chain begins at rest. With `s = grad log p` its positions tend to `p^(1 / temperature)`.
  For `N(m, u)` they have no bias, their variance is `temperature u` at every `h < 2 sqrt(u)`, from which on the chain
  diverges; of velocities, taken after half a kick, it is `temperature (1 - h^2 / (4 u))`. Other densities have a bias
  of the order of h^2. A friction without bound leaves the step of `langevin` of size h^2, with the mean of
  the noise of two steps in the place of that of one, and at a temperature of zero exact gradient ascent.

  Args:
    score_fn: from a position to a pytree of the same shape; any function that JAX can trace.
    step_size: h, a time; a number or f32[].
    friction: the rate at which velocities are forgotten; infinity is allowed.
    temperature: the factor on the noise's variance, not negative.

  Returns:
    A `Sampler` over any pytree of f32 arrays.
  """
  kept = jnp.exp(-friction * step_size)
  spread = jnp.sqrt((1 - kept**2) * temperature)

  def init(position):
    return UnderdampedState(position, jax.tree.map(jnp.zeros_like, position))

  def step(rng: PRNGKey, state: UnderdampedState) -> tuple[UnderdampedState, LangevinInfo]:
    score = score_fn(state.position)
    velocity = plus(state.velocity, step_size, score)
    position = plus(state.position, step_size / 2, velocity)
    kept_velocity = jax.tree.map(lambda v: kept * v, velocity)
    velocity = plus(kept_velocity, spread, normal_like(rng, velocity))
    return UnderdampedState(plus(position, step_size / 2, velocity), velocity), LangevinInfo(rms(score))

  return Sampler(init, step)
