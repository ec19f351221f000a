"""Completion: any sampler, with what has been observed put back before every step."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.types import PRNGKey, Sampler


class ClampedState(NamedTuple):
  """The sampler's own state, its `position` beside it, and `step`, i32[], which counts the steps taken."""

  position: jax.Array
  step: jax.Array
  inner: Any


def clamped(
  sampler: Sampler,
  x: jax.Array,
  observed: jax.Array,
  sigmas: Sequence[float] | jax.Array | np.ndarray = (0.0,),
) -> Sampler:
  """The sampler conditioned on part of its position, by putting it back before every step.

  Step `i` begins with `x + sigmas[i] e` where `observed`, with fresh noise: the observed part as blurred as the
  chain is there (Song et al. 2021, section 5 and appendix I.2). That is no exact draw of what is missing: the chain is
  not told of the observed part but by its own scores, and forgets at each step what it had made fit. Without noise and
  with `ancestral` it is exact where what is observed comes first.

  Args:
    sampler: whose state has a field `position`, f32[B, ...] or whole numbers [B, ...].
    x: [B, ...], of which only what is observed is looked at.
    observed: bool[B, ...].
    sigmas: f32[num_steps], the noise of the chain before each step; the last one holds for all steps after it.

  Returns:
    A `Sampler`; its last step may have moved what is observed: whoever wants x there puts it back once more.
  """
  sigmas = jnp.asarray(sigmas, jnp.float32)

  def init(position):
    return ClampedState(position, jnp.zeros((), jnp.int32), sampler.init(position))

  def step(rng: PRNGKey, state: ClampedState):
    noise_rng, step_rng = jax.random.split(rng)
    sigma = sigmas[jnp.minimum(state.step, len(sigmas) - 1)]
    known = (x + sigma * jax.random.normal(noise_rng, x.shape)).astype(state.position.dtype)
    inner = state.inner._replace(position=jnp.where(observed, known, state.position))
    inner, info = sampler.step(step_rng, inner)
    return ClampedState(inner.position, state.step + 1, inner), info

  return Sampler(init, step)
