"""Groups of one input channel on a CPU: sums of shifted products in place of convolutions."""

import functools
import itertools
import math
import operator

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.nn.conv.layout import padded, padding_of_gradient, shifted, turned_round
from jaxgen.nn.conv.window import Shape, Window


def output(x: jax.Array, k: jax.Array, shape: Shape, window: Window) -> jax.Array:
  """y[b, p, c] = sum_t x[b, s p + d t - l, c] k[t, 0, c], each input channel serving as many output channels."""
  x = padded(x, window.padding, (1,) * len(window.strides))
  return _sum_of_products(jnp.repeat(x, k.shape[-1] // x.shape[-1], axis=-1), k, shape, window)


def input_gradient(k: jax.Array, y: jax.Array, shape: Shape, window: Window) -> jax.Array:
  """dx[b, q, c] = sum of y[b, p, c] k[t, 0, c] over s p + d t - l = q, and over the output channels of `c`."""
  padding = padding_of_gradient(shape, k.shape, y.shape, window)
  y = padded(y, padding, window.strides)
  one_by_one = window._replace(strides=(1,) * len(window.strides))
  k = turned_round(k, window.groups)  # [*K, multiple, C]
  parts = (
    _sum_of_products(y[..., i :: k.shape[-2]], k[..., i : i + 1, :], shape, one_by_one)
    for i in range(k.shape[-2])
  )
  return functools.reduce(operator.add, parts)


def kernel_gradient(x: jax.Array, y: jax.Array, shape: Shape, window: Window) -> jax.Array:
  """dk[t, 0, c] = sum_{b, p} x[b, s p + d t - l, c] y[b, p, c], summed over one example after the other."""
  x = padded(x, window.padding, (1,) * len(window.strides))
  taps, repeats = list(itertools.product(*map(range, shape[:-2]))), shape[-1] // x.shape[-1]

  def add(example, total):
    image, cotangent = jnp.repeat(x[example], repeats, axis=-1), y[example].astype(total.dtype)
    products = (shifted(image, 0, tap, y.shape[1:-1], window) * cotangent for tap in taps)
    return total + jnp.stack([product.reshape(-1, shape[-1]).sum(0) for product in products])

  total = jnp.zeros((math.prod(shape[:-2]), shape[-1]), jnp.promote_types(x.dtype, jnp.float32))
  return lax.fori_loop(0, x.shape[0], add, total).astype(x.dtype).reshape(shape)


def _sum_of_products(x, k, shape, window):
  taps = itertools.product(*map(range, k.shape[:-2]))
  products = (shifted(x, 1, tap, shape[1:-1], window) * k[tap][0] for tap in taps)
  return functools.reduce(operator.add, products)


FORMS = {'y': output, 'x': input_gradient, 'k': kernel_gradient}
