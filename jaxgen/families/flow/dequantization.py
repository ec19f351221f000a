"""How a flow makes a density of data as they come: what is added to whole numbers before the bijector sees them."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp

from jaxgen.bijectors import Bijector, UniformDequantization, log_det
from jaxgen.bijectors.bijector import shape_through
from jaxgen.bijectors.dequantization import highest
from jaxgen.families import conditions
from jaxgen.families.networks import Apply, Part
from jaxgen.families.pixels import to_network
from jaxgen.losses import flow as losses
from jaxgen.types import DataSpec, Extra, Field, Params, PRNGKey


class Draw(Protocol):
  """One draw of the noise."""

  def __call__(
    self,
    apply: Apply,
    params: Params,
    extra: Extra,
    rng: PRNGKey,
    x: jax.Array,
    given: Mapping[str, jax.Array],
    *,
    train: bool,
  ) -> tuple[jax.Array, jax.Array, Extra]:
    """`(y f32[B, *shape] in the unit cube, -log q(y | x) f32[B] in nats, extra)`, by networks that `apply` reaches."""
    ...


class Dequantization(NamedTuple):
  """From `x` of the data layer to a point that has a density, and back.

  `log p(x) >= E_q[log p(y) - log q(y | x)]`, in units of the density of y on the unit cube (Ho et al., "Flow++", 2019,
  equation 6).

  Attributes:
    draw: see `Draw`.
    discrete: `y f32[B, *shape] -> x`, as the data layer has it.
    noise_draws: 1 where y is random, else 0.
    levels: the number of values of x; 0 of continuous data.
    parts: the networks that it brings, by name; uniform noise needs none.
  """

  draw: Draw
  discrete: Callable[[jax.Array], jax.Array]
  noise_draws: int
  levels: int
  parts: Mapping[str, Part] = MappingProxyType({})


def uniform(levels: int) -> Dequantization:
  """`y = (x + u) / levels` with `u ~ U[0, 1)`: `jaxgen.bijectors.UniformDequantization`."""
  bijector = UniformDequantization(levels)

  def draw(apply, params, extra, rng, x, given, *, train):
    del apply, params, given, train
    return *bijector.bind({}, rngs={'dequantization': rng}).forward_and_log_det(x), extra

  return Dequantization(draw, _discrete(levels), 1, levels)


def variational(bijector: Bijector, x: Field, given: DataSpec = MappingProxyType({})) -> Dequantization:
  """`y = (x + u) / levels` with `u ~ q(u | x)`, a flow that is learned with the model (Ho et al., "Flow++", 2019,
  section 3.1): `u = f^-1(e)` with `e ~ N(0, I)`, and `log q(u | x) = log N(e; 0, I) - log|det du/de|`.

  Args:
    bijector: f, from noise in the unit cube to standard normal; it begins with a `Logit`. Its conditions are those of
      the model and 'x', as networks take it. Its inverse alone is needed. Parameters are in 'dequantization'.
    x: what is modelled, of discrete values.
    given: the fields that are conditions.

  Raises:
    ValueError: if x is continuous, or the bijector has no inverse direction or cannot take noise of its shape.
  """
  if not x.levels:
    raise ValueError('continuous data need no noise; leave the dequantization away.')
  if not bijector.has_inverse:
    raise ValueError('variational noise needs a bijector that goes from its latents to noise in closed form.')
  shape_through(bijector, x.shape, 'dequantization')
  normal, levels = losses.standard_normal(), x.levels

  def draw(apply, params, extra, rng, x, given, *, train):
    e, seen = jax.random.normal(rng, x.shape), {'x': to_network(x, levels), **given}
    run = partial(apply, method='inverse_and_log_det', train=train)
    (u, log_volume), extra = run('dequantization', params, extra, e, seen)
    y = (x.astype(jnp.float32) + jnp.minimum(u, highest(levels))) / levels
    return y, log_volume - normal.log_prob(e), extra

  def inputs():
    return jnp.zeros((1, *x.shape)), {'x': jnp.zeros((1, *x.shape)), **conditions.blank(given)}

  part = Part(bijector, inputs, 'inverse_and_log_det')
  return Dequantization(draw, _discrete(x.levels), 1, x.levels, {'dequantization': part})


def none() -> Dequantization:
  """Continuous data as they are."""

  def draw(apply, params, extra, rng, x, given, *, train):
    del apply, params, rng, given, train
    return x, log_det.zeros(x), extra

  return Dequantization(draw, lambda y: y, noise_draws=0, levels=0)


def usual(x: Field) -> Dequantization:
  """`uniform` noise on whole numbers, `none` on continuous data."""
  return uniform(x.levels) if x.levels else none()


def _discrete(levels):
  def discrete(y):
    return UniformDequantization(levels).apply({}, y, method='inverse_and_log_det')[0]

  return discrete
