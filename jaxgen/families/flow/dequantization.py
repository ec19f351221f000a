"""How a flow makes a density of data as they come: what is added to whole numbers before the bijector sees them."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

import jax

from jaxgen.bijectors import UniformDequantization, log_det
from jaxgen.families.networks import Apply, Part
from jaxgen.types import Extra, Field, Params, PRNGKey


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
    parts: the networks that it brings, by name; uniform noise needs none.
  """

  draw: Draw
  discrete: Callable[[jax.Array], jax.Array]
  noise_draws: int
  parts: Mapping[str, Part] = MappingProxyType({})


def uniform(levels: int) -> Dequantization:
  """`y = (x + u) / levels` with `u ~ U[0, 1)`: `jaxgen.bijectors.UniformDequantization`."""
  bijector = UniformDequantization(levels)

  def draw(apply, params, extra, rng, x, given, *, train):
    del apply, params, given, train
    return *bijector.bind({}, rngs={'dequantization': rng}).forward_and_log_det(x), extra

  def discrete(y):
    return bijector.apply({}, y, method='inverse_and_log_det')[0]

  return Dequantization(draw, discrete, noise_draws=1)


def none() -> Dequantization:
  """Continuous data as they are."""

  def draw(apply, params, extra, rng, x, given, *, train):
    del apply, params, rng, given, train
    return x, log_det.zeros(x), extra

  return Dequantization(draw, lambda y: y, noise_draws=0)


def usual(x: Field) -> Dequantization:
  """`uniform` noise on whole numbers, `none` on continuous data."""
  return uniform(x.levels) if x.levels else none()
