"""Completion by going back and forth: RePaint's resampling over any chain over noise levels."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.samplers.clamped import Observed, blurred, check_observed, put_back
from jaxgen.samplers.over_levels._descent import checked_levels
from jaxgen.types import PRNGKey, Sampler


class ResampledState(NamedTuple):
  """The sampler's own state, its `position` beside it, and `step`, i32[], which counts the steps taken."""

  position: jax.Array
  step: jax.Array
  inner: Any


def resampled(
  sampler: Sampler,
  x: jax.Array,
  observed: Observed,
  sigmas: Sequence[float] | jax.Array | np.ndarray,
  *,
  jump_length: int = 1,
  num_resamplings: int = 10,
) -> Sampler:
  """`clamped`, with every stretch of the way gone several times (Lugmayr et al. 2022, algorithm 1 and appendix B).

  After `jump_length` steps down, fresh noise brings the chain back to where they began,
  `x + sqrt(sigma_i^2 - sigma_{i + jump_length}^2) e`, and it goes them again, `num_resamplings` times in all: what is
  missing learns of what is observed more than once at each level. The more often, the nearer to an exact draw;
  `clamped` alone (one resampling) has a bias that more levels do not mend. The whole is
  `num_resampled_steps(...)` steps of `run`. The first and the last stretch are repeated as all others, of
  which the algorithm leaves out one and its authors' code the other.

  Args:
    sampler: over these levels, one step each: its state has the fields `position`, f32[B, ...], and `step`, i32[].
    x: f32[B, ...], of which only what is observed is looked at.
    observed: a mask or an orthogonal projection, as of `clamped`.
    sigmas: f32[L], those of the sampler; the last one may be 0.
    jump_length: steps of a stretch; j of the paper.
    num_resamplings: how often each is gone; r of the paper, U of the algorithm.

  Returns:
    A `Sampler`; its last step may have moved what is observed: whoever wants x there puts it back once more, by
    `put_back` or by a step beyond the end of a chain whose last level is 0.

  Raises:
    ValueError: if there are fewer than two levels, one but the last is not positive, or they do not fall; or if one of
      the numbers is not positive, or what is observed is, or gives, another shape than x.
  """
  check_observed(x, observed)
  levels = checked_levels(sigmas)
  starts = _starts(len(levels) - 1, jump_length, num_resamplings)

  def init(position):
    return ResampledState(position, jnp.zeros((), jnp.int32), sampler.init(position))

  def step(rng: PRNGKey, state: ResampledState):
    raise_rng, noise_rng, step_rng = jax.random.split(rng, 3)
    level = starts[jnp.minimum(state.step, len(starts) - 1)]
    sigma, reached = levels[level], levels[jnp.minimum(state.inner.step, len(levels) - 1)]
    position = blurred(raise_rng, state.position, jnp.sqrt(sigma**2 - reached**2))
    position = put_back(position, blurred(noise_rng, x, sigma), observed)
    inner, info = sampler.step(step_rng, state.inner._replace(position=position, step=level))
    return ResampledState(inner.position, state.step + 1, inner), info

  return Sampler(init, step)


def num_resampled_steps(num_levels: int, num_resamplings: int = 10) -> int:
  """The number of steps of a whole chain, whatever the length of its jumps."""
  return (num_levels - 1) * num_resamplings


def _starts(num_steps, jump_length, num_resamplings):
  """The number of the level at which each step begins, i32[steps]; at last, that of rest."""
  if jump_length < 1 or num_resamplings < 1:
    raise ValueError(
      f'jump_length and num_resamplings must be at least 1, but they are {jump_length} and {num_resamplings}.'
    )
  steps = np.arange(num_steps)
  stretches = [steps[first : first + jump_length] for first in range(0, num_steps, jump_length)]
  repeated = [np.tile(stretch, num_resamplings) for stretch in stretches]
  return jnp.asarray(np.concatenate([*repeated, [num_steps]]), jnp.int32)
