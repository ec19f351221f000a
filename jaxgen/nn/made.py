"""The masked autoencoder for distribution estimation."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax.linen.dtypes import promote_dtype


class MaskedDense(nn.Module):
  """A dense layer of which only some weights are used: `y = x (kernel * mask) + bias`.

  Attributes:
    mask: f32[inputs, outputs], of zeros and ones; a constant.
    kernel_init: of the kernel, masked weights and all.
    dtype: of the computation.
  """

  mask: np.ndarray
  kernel_init: Callable = nn.initializers.lecun_normal()
  dtype: Any = None

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """f32[B, inputs] -> f32[B, outputs]."""
    kernel = self.param('kernel', self.kernel_init, self.mask.shape)
    bias = self.param('bias', nn.initializers.zeros_init(), self.mask.shape[1:])
    x, kernel, bias = promote_dtype(x, kernel, bias, dtype=self.dtype)
    return x @ (kernel * jnp.asarray(self.mask, kernel.dtype)) + bias


class MADE(nn.Module):
  """A network whose outputs for an input depend on the inputs before it (Germain et al., 2015).

  Every input has a degree, its place in `order`, and every hidden unit one that says up to which place it sees; a unit
  is connected to those of the layer before whose degree is not above its own (equation 13), an output to hidden units
  of degrees below its own (equation 14). Degrees are spread evenly over the units of a layer. Conditions are added to
  every hidden layer by linear maps of themselves; since the first input has no hidden unit to learn from then, degrees
  begin at none at all.

  Fourier features, of which each has the degree of its input, let the network follow what changes fast with an input,
  which by itself it learns late (Tancik et al., "Fourier features let networks learn high frequency functions in low
  dimensional domains", 2020): `sin(2^k pi x / 4)` and `cos(2^k pi x / 4)` beside x. The longest period is 8, so that
  standardized inputs lie within one.

  `f32[B, D] -> f32[B, features * D]`, in blocks: the first feature of all inputs, then the second of all. The last
  layer starts at zero.

  Attributes:
    hidden: widths of the hidden layers.
    features: numbers per input.
    order: the inputs from the first to the last: a permutation of `range(D)`; as they come by default.
    residual: whether a hidden layer is added to the one before; all are of the same width then.
    activation: between the layers.
    frequencies: of the Fourier features, k < frequencies.

  Raises:
    ValueError: if a width is too small for every input to be seen, widths of residual layers differ, or the order is no
      permutation of the inputs.
  """

  hidden: Sequence[int]
  features: int
  order: Sequence[int] | None = None
  residual: bool = False
  activation: Callable[[jax.Array], jax.Array] = nn.relu
  frequencies: int = 0

  @nn.compact
  def __call__(self, x: jax.Array, given: Any = None) -> jax.Array:
    """x f32[B, D], conditions f32[B, ...] or a pytree of such -> f32[B, features * D]."""
    conditions = [leaf.reshape(leaf.shape[0], -1) for leaf in jax.tree.leaves(given)]
    lowest = 0 if conditions else 1
    place = _places(self.order, x.shape[-1])
    self._check(x.shape[-1] - lowest)
    h, before = with_waves(x, self.frequencies), np.tile(place, 1 + 2 * self.frequencies)
    for index, width in enumerate(self.hidden):
      degrees = lowest + np.arange(width) * (len(place) - lowest) // width
      new = MaskedDense(before[:, None] <= degrees)(self.activation(h) if index else h)
      if conditions:
        new += nn.Dense(width, use_bias=False)(jnp.concatenate(conditions, -1))
      h, before = h + new if self.residual and index else new, degrees
    last = np.tile(before[:, None] < place, self.features)
    return MaskedDense(last, kernel_init=nn.initializers.zeros_init())(self.activation(h))

  def _check(self, least):
    if not self.hidden or min(self.hidden) < least:
      raise ValueError(
        f'hidden layers of widths {tuple(self.hidden)} are too narrow: {least} units are needed, one for each degree.'
      )
    if self.residual and len(set(self.hidden)) > 1:
      raise ValueError(f'residual layers must be of one width, not of {tuple(self.hidden)}.')


def with_waves(x: jax.Array, frequencies: int) -> jax.Array:
  """x, then a sine and a cosine of all inputs for each frequency: f32[B, D] -> f32[B, (1 + 2 frequencies) D]."""
  angles = [2**k * math.pi / 4 * x for k in range(frequencies)]
  return jnp.concatenate([x, *(wave(angle) for angle in angles for wave in (jnp.sin, jnp.cos))], -1)


def _places(order, size):
  """The degree of every input, 1 for the first: i[D]."""
  order = range(size) if order is None else order
  if sorted(order) != list(range(size)):
    raise ValueError(f'the order {tuple(order)} is no permutation of {size} inputs.')
  return np.argsort(order) + 1
