"""The probability-flow ODE and the density along it, each example by steps of its own."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

_FIRST, _LONGEST = 0.2, 0.35  # steps in log sigma; longer ones can miss what lies between and not know it
# Of Dormand & Prince 1980, table 2: when a stage is, what of the slopes before leads there, and the difference of
# the two orders. The last stage is the end of the step, and the first of the next one.
_TIMES = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
_STAGES = (
  (1 / 5,),
  (3 / 40, 9 / 40),
  (44 / 45, -56 / 15, 32 / 9),
  (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
  (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
  (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_DIFFERENCE = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
_SAFETY, _LEAST, _MOST = (
  0.9,
  0.2,
  5.0,
)  # of a step, what the next one is: times a root of what the error may be
_ROOT = 1 / 4
MOST_STEPS = 2000  # that are accepted, about: none is shorter than such a part of the way


def adaptive(
  rates: Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]],
  x: jax.Array,
  low: jax.Array,
  high: jax.Array,
  tolerance: float,
) -> tuple[jax.Array, jax.Array]:
  """The solution at `high` of `dx / d sigma = v`, and the integral of `div v`, from x at `low` on.

  The pair of orders 5 and 4 of Dormand & Prince, "A family of embedded Runge-Kutta formulae" (1980), with which Song et
  al. 2021 take likelihoods too: six evaluations a step. A step is accepted where the difference of the two, in nats, is
  at most its share of the tolerance, which is its share of the way in log sigma. Of x it is `sqrt(D)` times the
  difference over sigma that counts, the most nats that it moves a log-density by where noise prevails, whose score has
  that norm. Where even a step of `1 / MOST_STEPS` of the way has a larger error, as where a network has a kink, it is
  accepted all the same, as long as the errors of all steps add up to the tolerance at most: beyond that the integral
  is NaN.

  So what is a number has kept its tolerance, by that estimate, which does not see all of single precision's rounding:
  about 5e-7 nats for each dimension and each unit of log sigma, below which there is no use in a tolerance.

  Args:
    rates: `(x f32[B, ...], sigma f32[B]) -> (v f32[B, ...], div v f32[B])`, of each example by itself.
    x: f32[B, ...].
    low: f32[], positive.
    high: f32[], larger.
    tolerance: nats, positive.

  Returns:
    f32[B, ...] and f32[B]; the latter NaN where the tolerance is not kept.
  """
  size, dims, way = len(x), x[0].size, jnp.log(high / low)
  shortest = way / MOST_STEPS
  longest = jnp.maximum(shortest, _LONGEST)

  def slope(state, sigma):
    """Of x beside the integral, f32[B, D + 1]; without the divergence D / sigma of noise alone, which is added up."""
    v, divergence = rates(state[:, :-1].reshape(x.shape), sigma)
    return jnp.concatenate([v.reshape(size, -1), (divergence - dims / sigma)[:, None]], axis=1)

  def step(carry):
    state, sigma, length, first, spent = carry
    there = jnp.minimum(sigma * jnp.exp(length), high)
    width = there - sigma
    slopes, moved = [first], state
    for time, stage in zip(_TIMES, _STAGES, strict=True):
      moved = state + width[:, None] * _weighted(stage, slopes)
      slopes.append(slope(moved, sigma + time * width))
    off = width[:, None] * _weighted(_DIFFERENCE, slopes)
    error = jnp.maximum(jnp.linalg.norm(off[:, :-1], axis=1) * math.sqrt(dims) / there, jnp.abs(off[:, -1]))
    taken = jnp.log(there / sigma)
    allowed = tolerance * taken / way
    accepted = ~(error > allowed) | (length <= shortest)  # what is no number stays none, and comes to an end
    spent += jnp.where(accepted, error, 0.0)
    there = jnp.where(spent > tolerance, high, there)  # it has failed, and takes no more steps
    ratio = _SAFETY * (allowed / jnp.maximum(error, jnp.finfo(error.dtype).tiny)) ** _ROOT
    length = jnp.clip(taken * jnp.clip(ratio, _LEAST, _MOST), shortest, longest)
    where = lambda new, old: jnp.where(accepted[:, None], new, old)  # noqa: E731
    return where(moved, state), jnp.where(accepted, there, sigma), length, where(slopes[-1], first), spent

  state = jnp.concatenate([x.reshape(size, -1), jnp.zeros((size, 1), x.dtype)], axis=1)
  sigma = jnp.full(size, low)
  start = (state, sigma, jnp.full(size, jnp.maximum(_FIRST, shortest)), slope(state, sigma), jnp.zeros(size))
  state, *_, spent = lax.while_loop(lambda carry: jnp.any(carry[1] < high), step, start)
  integral = jnp.where(spent <= tolerance, state[:, -1] + dims * way, jnp.nan)
  return state[:, :-1].reshape(x.shape), integral


def _weighted(weights, slopes):
  return sum(weight * slope for weight, slope in zip(weights, slopes, strict=True) if weight)
