"""Layers whose weights all learn at one pace, whatever the size of the layer."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.linen.dtypes import promote_dtype

from jaxgen.nn.conv import Padding, conv
from jaxgen.types import Params


class EqualizedDense(nn.Module):
  """A linear map with an equalized learning rate: f32[..., C] -> f32[..., features].

  Weights are kept at a variance of one, and He's constant is multiplied in when they are used, so that an optimizer
  that moves all by steps of one size moves each by as much of its range (Karras et al., "Progressive growing of GANs",
  2018, section 4.1).

  Attributes:
    features: of the output.
    rate: the layer learns so many times as fast, and starts as any other: kept are `w / rate` and `b / rate` (Karras et
      al., "A style-based generator architecture for generative adversarial networks", 2019, appendix C).
    use_bias: whether to add one.
    bias: what it starts at.
    dtype: of the computation; that of the input where None.
  """

  features: int
  rate: float = 1.0
  use_bias: bool = True
  bias: float = 0.0
  dtype: Any = None

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Multiplies."""
    kernel = equalized_kernel(self, (x.shape[-1], self.features), self.rate)
    x, kernel = promote_dtype(x, kernel, dtype=self.dtype or x.dtype)
    y = x @ kernel
    if not self.use_bias:
      return y
    start = nn.initializers.constant(self.bias / self.rate)
    return y + (self.rate * self.param('bias', start, (self.features,))).astype(y.dtype)


class EqualizedConv(nn.Module):
  """A convolution with an equalized learning rate, as `EqualizedDense`: f32[B, H, W, C] -> f32[B, H', W', features].

  Attributes:
    features: channels of the output.
    kernel_size: of the kernel.
    strides: of the kernel.
    padding: as `jaxgen.nn.conv` takes it.
    use_bias: whether to add one; it starts at zero.
    dtype: of the computation; that of the input where None.
  """

  features: int
  kernel_size: Sequence[int] = (3, 3)
  strides: int | Sequence[int] = 1
  padding: Padding = 'SAME'
  use_bias: bool = True
  dtype: Any = None

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Convolves."""
    kernel = equalized_kernel(self, (*self.kernel_size, x.shape[-1], self.features))
    x, kernel = promote_dtype(x, kernel, dtype=self.dtype or x.dtype)
    y = conv(x, kernel, self.strides, self.padding)
    if not self.use_bias:
      return y
    return y + self.param('bias', nn.initializers.zeros_init(), (self.features,)).astype(y.dtype)


def equalized_kernel(layer: nn.Module, shape: Sequence[int], rate: float = 1.0) -> jax.Array:
  """The parameter 'kernel' of `layer`, f32[*K, C, O], as it is used: of variance 1 / (inputs of an output) at first."""
  kernel = layer.param('kernel', nn.initializers.normal(1 / rate), tuple(shape))
  inputs = kernel.size // shape[-1]
  return kernel * (rate / jnp.sqrt(inputs))


def as_used(params: Params, rates: Mapping[str, float] = MappingProxyType({})) -> Params:
  """Parameters with the kernels as their layers use them, whose spectral norms tell how far these stretch.

  Args:
    params: of networks whose kernels are all of equalized layers.
    rates: of the layers below these keys; 1 elsewhere.
  """

  def used(path, leaf):
    keys = [entry.key for entry in path]
    if keys[-1] != 'kernel':
      return leaf
    rate = math.prod(rates[key] for key in keys if key in rates)
    return leaf * (rate / math.sqrt(leaf.size // leaf.shape[-1]))

  return jax.tree_util.tree_map_with_path(used, params)


def leaky(x: jax.Array) -> jax.Array:
  """The leaky ReLU of slope 0.2, times the square root of 2, which keeps the variance of equalized layers."""
  return nn.leaky_relu(x, 0.2) * jnp.sqrt(2.0).astype(x.dtype)
