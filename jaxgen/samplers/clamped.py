"""Completion: any sampler, with what has been observed put back before every step."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.types import PRNGKey, Sampler

# bool[B, ...], or of a position that part which is observed: an orthogonal projection
Observed = jax.Array | Callable[[jax.Array], jax.Array]


class ClampedState(NamedTuple):
  """The sampler's own state, its `position` beside it, and `step`, i32[], which counts the steps taken."""

  position: jax.Array
  step: jax.Array
  inner: Any


def clamped(
  sampler: Sampler,
  x: jax.Array,
  observed: Observed,
  sigmas: Sequence[float] | jax.Array | np.ndarray = (0.0,),
) -> Sampler:
  """The sampler conditioned on part of its position, by putting it back before every step.

  Step `i` begins with `x + sigmas[i] e` where `observed`, with fresh noise: the observed part as blurred as the
  chain is there (Song et al. 2021, section 5 and appendix I.2). That is no exact draw of what is missing: the chain is
  not told of the observed part but by its own scores, and forgets at each step what it had made fit; however
  many levels there are, see `resampled`. Without noise and
  with `ancestral` it is exact where what is observed comes first.

  Args:
    sampler: whose state has a field `position`, f32[B, ...] or whole numbers [B, ...].
    x: [B, ...], of which only what is observed is looked at.
    observed: bool[B, ...], or bool[1, ...] for all alike; or the orthogonal projection to what is observed,
      f32[B, ...] -> f32[B, ...], of which there are `grey` for colourization and `coarse` for super-resolution.
    sigmas: f32[num_steps], the noise of the chain before each step; the last one holds for all steps after it.

  Returns:
    A `Sampler`; its last step may have moved what is observed: whoever wants x there puts it back once more, by
    `put_back` or by a step beyond the end of a chain whose last level is 0.

  Raises:
    ValueError: if what is observed is, or gives, another shape than x.
  """
  check_observed(x, observed)
  sigmas = jnp.asarray(sigmas, float)

  def init(position):
    return ClampedState(position, jnp.zeros((), jnp.int32), sampler.init(position))

  def step(rng: PRNGKey, state: ClampedState):
    noise_rng, step_rng = jax.random.split(rng)
    sigma = sigmas[jnp.minimum(state.step, len(sigmas) - 1)]
    position = put_back(state.position, blurred(noise_rng, x, sigma), observed)
    inner, info = sampler.step(step_rng, state.inner._replace(position=position))
    return ClampedState(inner.position, state.step + 1, inner), info

  return Sampler(init, step)


def check_observed(x: jax.Array, observed: Observed) -> None:
  """Sees to it that a mask is of the shape of x [B, ...], or of one example for all, and a projection keeps the shape.

  Raises:
    ValueError: if they are not.
  """
  if callable(observed):
    found = jax.eval_shape(observed, jax.ShapeDtypeStruct(x.shape, jnp.result_type(float))).shape
    if found != x.shape:
      raise ValueError(
        f'a projection to what is observed keeps the shape of x, {x.shape}, and this one gives {found}; let it repeat '
        'what it has in each of the places that it has it of.'
      )
  elif observed.shape not in (x.shape, (1, *x.shape[1:])):
    raise ValueError(
      f'observed says of each entry of x whether it is there, and must be of its shape, {x.shape}, or of '
      f'{(1, *x.shape[1:])} for all examples alike, not of {observed.shape}.'
    )


def put_back(position: jax.Array, x: jax.Array, observed: Observed) -> jax.Array:
  """The position [B, ...] with the observed part of x, and of its type."""
  if callable(observed):
    return position + observed(x - position).astype(position.dtype)
  return jnp.where(observed, x.astype(position.dtype), position)


def blurred(rng: PRNGKey, x: jax.Array, sigma: jax.Array) -> jax.Array:
  """`x + sigma e`, f32[B, ...]; e ~ N(0, I)."""
  return x + sigma * jax.random.normal(rng, x.shape)


def grey(x: jax.Array) -> jax.Array:
  """Of images f32[B, H, W, C] the mean over the channels, in each of them: what is observed in colourization."""
  return jnp.broadcast_to(x.mean(-1, keepdims=True), x.shape)


def coarse(x: jax.Array, factor: int) -> jax.Array:
  """Of images f32[B, H, W, C] the mean over squares of `factor` pixels a side: what is observed in super-resolution.

  Raises:
    ValueError: if the sides are no multiples of the factor.
  """
  height, width, channels = x.shape[1:]
  if height % factor or width % factor:
    raise ValueError(f'images of {height} x {width} pixels have no squares of {factor} pixels a side.')
  squares = x.reshape(-1, height // factor, factor, width // factor, factor, channels)
  return jnp.broadcast_to(squares.mean((2, 4), keepdims=True), squares.shape).reshape(x.shape)
