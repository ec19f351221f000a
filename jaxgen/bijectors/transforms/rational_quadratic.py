"""The monotone rational-quadratic spline."""

import itertools
import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.bijectors.transforms.affine import bounded_log_scale
from jaxgen.bijectors.transforms.transform import Transform

# Of a derivative that is relative, so that neither it nor its gradient overflows.
_LOG_MULTIPLE = bounded_log_scale(10.0)


class _Knot(NamedTuple):
  """A point of the graph and the derivative there, of every element: f32[B, ..., C] or one number for all."""

  x: Any
  y: Any
  slope: Any


def rational_quadratic(
  bins: int = 8,
  bound: float = 3.0,
  min_width: float = 1e-3,
  min_height: float = 1e-3,
  min_derivative: float = 1e-3,
  relative: bool = False,
) -> Transform:
  """A monotone spline through `bins + 1` knots on `[-bound, bound]`, the identity outside of it.

  Durkan et al., "Neural spline flows" (2019), section 3.1. Between the knots `(x_k, y_k)` and `(x_k+1, y_k+1)`, with
  the derivatives `d_k` and `d_k+1` there, `s = (y_k+1 - y_k) / (x_k+1 - x_k)` and `t = (x - x_k) / (x_k+1 - x_k)`,

    z     = y_k + (y_k+1 - y_k) (s t^2 + d_k t (1 - t)) / (s + (d_k+1 + d_k - 2 s) t (1 - t))          (equation 4)
    dz/dx = s^2 (d_k+1 t^2 + 2 s t (1 - t) + d_k (1 - t)^2) / (s + (d_k+1 + d_k - 2 s) t (1 - t))^2    (equation 5)

  and the inverse is the root in [0, 1] of a quadratic in t (equations 6 to 8). The last derivative at either end is 1,
  so that the map is smooth where it becomes the identity, unless derivatives are `relative`.

  `params` are, in blocks, `bins` numbers whose softmax gives the widths, `bins` whose softmax gives the heights, and
  `bins - 1` whose softplus gives the inner derivatives, shifted; of relative ones `bins + 1`. Params of zeros give the
  identity.

  Args:
    bins: at least 1.
    bound: half of the side of the box; data should be standardized to lie in it.
    min_width: of a bin, as a part of the side.
    min_height: of a bin, as a part of the side.
    min_derivative: at the inner knots, of those that are no multiples.
    relative: whether a derivative is a multiple, `exp(10 tanh(param / 10))`, of the geometric mean of the slopes `s` of
      the bins beside it, not the paper's softplus, for data that fill the box: those at the ends, of the one bin there,
      are free too, two `params` more, and the map has a kink where it becomes the identity. Where nearly all mass lies
      in a narrow cell, as that of a dequantized pixel, a level density has slopes of hundreds.

  Raises:
    ValueError: if the bins do not fit into the box, or one of the numbers is not positive.
  """
  _check(bins, bound, min_width, min_height, min_derivative)
  num_params = 3 * bins + (1 if relative else -1)
  # softplus of this is 1 - min_derivative
  shift = math.log(math.expm1(1 - min_derivative))

  def knots(params):
    blocks = jnp.split(params, num_params, axis=-1)
    x = _places(blocks[:bins], min_width, bound)
    y = _places(blocks[bins : 2 * bins], min_height, bound)
    rest = blocks[2 * bins :]
    slopes = _multiples(x, y, rest) if relative else [1.0, *map(absolute, rest), 1.0]
    return [_Knot(*knot) for knot in zip(x, y, slopes, strict=True)]

  def absolute(param):
    return min_derivative + jax.nn.softplus(param + shift)

  def forward(x, params):
    inside = jnp.abs(x) <= bound
    place = jnp.where(inside, x, 0.0)
    low, high = _ends(knots(params), 'x', place)
    width, height = high.x - low.x, high.y - low.y
    slope, t = height / width, (place - low.x) / width
    mixed = t * (1 - t)
    rise = height * (slope * t**2 + low.slope * mixed) / _denominator(low, high, slope, mixed)
    z = jnp.minimum(low.y + rise, high.y)  # which rounding may pass
    log_derivative = _log_derivative(low, high, slope, t)
    return jnp.where(inside, z, x), jnp.where(inside, log_derivative, 0.0)

  def inverse(z, params):
    inside = jnp.abs(z) <= bound
    place = jnp.where(inside, z, 0.0)
    low, high = _ends(knots(params), 'y', place)
    width, height = high.x - low.x, high.y - low.y
    slope = height / width
    t = _root(low, high, height, slope, place - low.y)
    log_derivative = _log_derivative(low, high, slope, t)
    x = jnp.minimum(low.x + t * width, high.x)
    return jnp.where(inside, x, z), jnp.where(inside, -log_derivative, 0.0)

  return Transform(forward, inverse, num_params)


def _check(bins, bound, min_width, min_height, min_derivative):
  if bins < 1 or bound <= 0:
    raise ValueError(f'a spline needs at least 1 bin and a bound above 0, not bins={bins} and bound={bound}.')
  for name, least in (('min_width', min_width), ('min_height', min_height)):
    if not 0 < least * bins < 1:
      raise ValueError(f'{bins} bins of {name}={least} do not fit: it must be above 0 and below 1 / {bins}.')
  if not 0 < min_derivative < 1:
    raise ValueError(f'min_derivative={min_derivative} must be above 0 and below 1.')


def _places(logits, least, bound):
  """From `bins` arrays to the places of `bins + 1` knots, from -bound to bound."""
  largest = jax.lax.stop_gradient(jax.tree.reduce(jnp.maximum, logits))
  powers = [jnp.exp(logit - largest) for logit in logits]
  scale = (1 - least * len(logits)) / sum(powers)
  sizes = [least + scale * power for power in powers[:-1]]
  return [-bound, *(bound * (2 * part - 1) for part in itertools.accumulate(sizes)), bound]


def _multiples(x, y, params):
  """The derivatives at all knots, in multiples of the geometric mean of the slopes beside them."""
  beside = zip(itertools.pairwise(x), itertools.pairwise(y), strict=True)
  of_bins = [(top - bottom) / (right - left) for (left, right), (bottom, top) in beside]
  means = [jnp.sqrt(left * right) for left, right in itertools.pairwise(of_bins)]
  levels = [of_bins[0], *means, of_bins[-1]]
  return [level * jnp.exp(_LOG_MULTIPLE(param)) for level, param in zip(levels, params, strict=True)]


def _ends(knots, axis, place):
  """The knots on either side of `place` along 'x' or 'y'.

  One selection after the other, as all of it becomes one loop over the elements: quicker than an index that is then
  gathered by.
  """
  low, high = knots[:2]
  for knot, following in itertools.pairwise(knots[1:]):
    choose = partial(jnp.where, place >= getattr(knot, axis))
    low, high = jax.tree.map(choose, knot, low), jax.tree.map(choose, following, high)
  return low, high


def _denominator(low, high, slope, mixed):
  """That of equations 4 and 5; `mixed = t (1 - t)` is at most 1/4, so that no term is negative."""
  return slope * (1 - 2 * mixed) + (low.slope + high.slope) * mixed


def _log_derivative(low, high, slope, t):
  """The logarithm of equation 5."""
  mixed = t * (1 - t)
  ratio = slope / _denominator(low, high, slope, mixed)
  return jnp.log((high.slope * t**2 + 2 * slope * mixed + low.slope * (1 - t) ** 2) * ratio * ratio)


def _root(low, high, height, slope, rise):
  """t in [0, 1] at which the spline has risen by `rise` from the bin's lower end.

  The root of `a t^2 + b t + c`, with `a + b = height slope` and `c = -slope rise`. The paper's `2c / (-b - root)`
  cancels where b is negative; there a is positive, and `(-b + root) / 2a` does not.
  """
  b = height * low.slope - rise * (low.slope + high.slope - 2 * slope)
  a, c = height * slope - b, -slope * rise
  discriminant = jnp.maximum(b**2 - 4 * a * c, jnp.finfo(b.dtype).tiny)
  total = jnp.abs(b) + jnp.sqrt(discriminant)
  return jnp.where(b < 0, total, -2 * c) / jnp.where(b < 0, 2 * a, total)
