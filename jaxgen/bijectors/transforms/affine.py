"""A shift and a scale, in either order."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgen.bijectors.transforms.transform import Transform


def affine(log_scale: Callable[[jax.Array], jax.Array]) -> Transform:
  """`z = (x + shift) exp(log_scale(s))`; `params` are `shift` and `s`.

  Args:
    log_scale: the logarithm of the scale as a function of the conditioner's unbounded output `s`:
      `sigmoid_log_scale` or `bounded_log_scale(bound)`. One that is bounded from both sides keeps the map
      stable to invert.
  """

  def forward(x, params):
    shift, log_derivative = unpack(params)
    return (x + shift) * jnp.exp(log_derivative), log_derivative

  def inverse(z, params):
    shift, log_derivative = unpack(params)
    return z * jnp.exp(-log_derivative) - shift, -log_derivative

  def unpack(params):
    shift, s = jnp.split(params, 2, axis=-1)
    return shift, log_scale(s)

  return Transform(forward, inverse, num_params=2, is_affine=True)


def location_scale(log_scale: Callable[[jax.Array], jax.Array]) -> Transform:
  """`z = x exp(log_scale(s)) + location`; `params` are `location` and `s`.

  The maps are those of `affine`; here small scales leave the location as it is (van den Oord et al., "Parallel
  WaveNet", 2017, section 3: x_t = z_t s(z_<t) + mu(z_<t)).

  Args:
    log_scale: as of `affine`.
  """

  def forward(x, params):
    location, log_derivative = unpack(params)
    return x * jnp.exp(log_derivative) + location, log_derivative

  def inverse(z, params):
    location, log_derivative = unpack(params)
    return (z - location) * jnp.exp(-log_derivative), -log_derivative

  def unpack(params):
    location, s = jnp.split(params, 2, axis=-1)
    return location, log_scale(s)

  return Transform(forward, inverse, num_params=2, is_affine=True)


def sigmoid_log_scale(s: jax.Array) -> jax.Array:
  """`log sigmoid(s + 2)`: scales below 1, 0.88 at the start (the released code of Glow).

  The inverse divides by a scale that may come as near to 0 as it likes; see `floored_sigmoid_log_scale`.
  """
  return jax.nn.log_sigmoid(s + 2.0)


def floored_sigmoid_log_scale(least: float) -> Callable[[jax.Array], jax.Array]:
  """`log(least + (1 - least) sigmoid(s + 2))`: the same with scales in (least, 1), so that the inverse is bounded too.

  Raises:
    ValueError: if `least` is not in [0, 1).
  """
  if not 0 <= least < 1:
    raise ValueError(f'the least scale must be in [0, 1), not {least}: scales are between it and 1.')
  return lambda s: jnp.logaddexp(jnp.log(least), jnp.log1p(-least) + sigmoid_log_scale(s))


def bounded_log_scale(bound: float) -> Callable[[jax.Array], jax.Array]:
  """`bound tanh(s / bound)`: scales in `(exp(-bound), exp(bound))`, 1 at the start, about `exp(s)` while small."""
  return lambda s: bound * jnp.tanh(s / bound)
