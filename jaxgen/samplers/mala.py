"""Langevin dynamics with an accept step: the Metropolis-adjusted Langevin algorithm."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.samplers.langevin import LangevinState, normal_like, plus
from jaxgen.types import Position, PRNGKey, Sampler


class MALAInfo(NamedTuple):
  """Of each chain: the log of the probability of acceptance, f32[B], at most 0, and whether it was, bool[B]."""

  log_acceptance: jax.Array
  accepted: jax.Array


def mala(
  log_prob_fn: Callable[[Position], jax.Array],
  step_size: float | jax.Array,
  temperature: float | jax.Array = 1.0,
) -> Sampler:
  """`langevin`, each step of which a chain takes with the probability that makes its density stationary.

  From x the step of `langevin` proposes y, with the score of `log_prob_fn`; it is taken with the probability
  `min(1, p(y) q(x | y) / (p(x) q(y | x)))`, q the density of the proposal (Besag 1994; Roberts & Tweedie 1996, section
  1.4), and else the chain stays. So `p^(1 / temperature)` has no bias at any step; acceptance falls as steps grow,
  best near 0.574 in many dimensions (Roberts & Rosenthal 1998, theorem 2). At a temperature of zero it
  is gradient ascent that takes only steps whose log-ratio, times the temperature, is not negative. What has no
  density is never entered. Each step costs two evaluations with their gradients: nothing is kept of
  the one before, as somebody else may have moved the chain.

  Args:
    log_prob_fn: from a position, a pytree of f32[B, ...], to f32[B] in nats, up to a constant, each of its own example.
    step_size: the step, as of `langevin`; a number or f32[].
    temperature: not negative.

  Returns:
    A `Sampler` over any pytree of arrays f32[B, ...], one chain per example.
  """

  def log_prob_and_score(position):
    log_prob, pullback = jax.vjp(log_prob_fn, position)
    return log_prob, pullback(jnp.ones_like(log_prob))[0]

  def surprise(start, score, end):
    """-temperature log q(end | start), without what does not depend on them: f32[B]."""
    return _squares(plus(start, step_size / 2, score), end) / (2 * step_size)

  def step(rng: PRNGKey, state: LangevinState) -> tuple[LangevinState, MALAInfo]:
    noise_rng, accept_rng = jax.random.split(rng)
    here = state.position
    log_prob, score = log_prob_and_score(here)
    ascended = plus(here, step_size / 2, score)
    there = plus(ascended, jnp.sqrt(step_size * temperature), normal_like(noise_rng, here))
    log_prob_there, score_there = log_prob_and_score(there)
    gain = log_prob_there - log_prob + surprise(here, score, there) - surprise(there, score_there, here)
    log_acceptance = jnp.where(gain >= 0, 0.0, jnp.where(jnp.isnan(gain), -jnp.inf, gain / temperature))
    accepted = -jax.random.exponential(accept_rng, gain.shape) <= log_acceptance

    def choose(new, old):
      return jnp.where(accepted.reshape(-1, *[1] * (old.ndim - 1)), new, old)

    return LangevinState(jax.tree.map(choose, there, here)), MALAInfo(log_acceptance, accepted)

  return Sampler(LangevinState, step)


def _squares(a, b):
  """The squared distances of examples, f32[B]."""
  squares = jax.tree.map(lambda a, b: ((a - b) ** 2).reshape(len(a), -1).sum(1), a, b)
  return sum(jax.tree.leaves(squares))
