"""Layers whose weight matrix has a spectral norm of one."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxgen.nn.conv import conv
from jaxgen.nn.conv.layers import Conv
from jaxgen.nn.upsampled_conv import UpsampledConv, upsampled_conv

_STEPS_AT_INIT = 16  # of the power iteration, so that the first estimate is already close


class SpectralNorm(nn.Module):
  """`W / sigma(W)`, `sigma` the largest singular value of `W` as a matrix of f32[-1, O].

  One power iteration per training step, its vector `u` f32[O] kept in the collection 'spectral'; no gradient
  flows through the iteration (Miyato et al., "Spectral normalization for generative adversarial
  networks", 2018, algorithm 1).
  """

  @nn.compact
  def __call__(self, kernel: jax.Array, train: bool) -> jax.Array:
    """Normalizes f32[..., O]; in training it also takes an iteration, if 'spectral' is mutable."""

    def start():
      matrix = lax.stop_gradient(kernel.reshape(-1, kernel.shape[-1]))
      u = jax.random.normal(self.make_rng('params'), kernel.shape[-1:])
      return lax.fori_loop(0, _STEPS_AT_INIT, lambda _, u: _iterate(matrix, u)[1], u)

    u = self.variable('spectral', 'u', start)
    normalized, new_u = _normalized(kernel, u.value)
    if train and not self.is_initializing() and self.is_mutable_collection('spectral'):
      u.value = new_u
    return normalized


class SpectralConv(nn.Module):
  """A convolution with a normalized kernel: f32[B, H, W, C] -> f32[B, H', W', features], padding 'SAME'."""

  features: int
  kernel_size: Sequence[int] = (3, 3)
  strides: int | Sequence[int] = 1
  upsampled: bool = False  # of the image of twice the size, see `jaxgen.nn.upsampled_conv`
  kernel_init: nn.initializers.Initializer = nn.linear.default_kernel_init
  dtype: Any = None  # of the computation; that of the input where None

  @nn.compact
  def __call__(self, x: jax.Array, train: bool) -> jax.Array:
    """Convolves."""
    x = x.astype(self.dtype or x.dtype)
    shape = (*self.kernel_size, x.shape[-1], self.features)
    kernel = SpectralNorm(name='norm')(self.param('kernel', self.kernel_init, shape), train)
    bias = self.param('bias', nn.initializers.zeros_init(), (self.features,))
    kernel, bias = kernel.astype(x.dtype), bias.astype(x.dtype)
    return (upsampled_conv(x, kernel) if self.upsampled else conv(x, kernel, self.strides)) + bias


class SpectralDense(nn.Module):
  """A linear map with a normalized matrix: f32[..., C] -> f32[..., features]."""

  features: int
  use_bias: bool = True
  kernel_init: nn.initializers.Initializer = nn.linear.default_kernel_init
  dtype: Any = None  # of the computation; that of the input where None

  @nn.compact
  def __call__(self, x: jax.Array, train: bool) -> jax.Array:
    """Multiplies."""
    x = x.astype(self.dtype or x.dtype)
    kernel = self.param('kernel', self.kernel_init, (x.shape[-1], self.features))
    y = x @ SpectralNorm(name='norm')(kernel, train).astype(x.dtype)
    if not self.use_bias:
      return y
    return y + self.param('bias', nn.initializers.zeros_init(), (self.features,)).astype(x.dtype)


class Layers(NamedTuple):
  """Layers with a spectral norm of one, or as they are: each `(features, ...) -> (x -> y)`; `upsampled` is the
  convolution of the image of twice the size."""

  conv: Callable[..., Callable[[jax.Array], jax.Array]]
  upsampled: Callable[..., Callable[[jax.Array], jax.Array]]
  dense: Callable[..., Callable[[jax.Array], jax.Array]]


def layers(spectral: bool, train: bool, **settings: Any) -> Layers:
  """The layers of a network that is being applied.

  Args:
    spectral: whether they have a spectral norm of one.
    train: whether its power iterations go on.
    **settings: of all of them (`kernel_init`).
  """
  if not spectral:
    return Layers(*(partial(layer, **settings) for layer in (Conv, UpsampledConv, nn.Dense)))

  def spectral_layer(layer, **its):
    return lambda *args, **kwargs: partial(layer(*args, **its, **settings, **kwargs), train=train)

  return Layers(
    spectral_layer(SpectralConv), spectral_layer(SpectralConv, upsampled=True), spectral_layer(SpectralDense)
  )


@jax.jit  # so that networks of many layers of one shape are traced sooner
def _normalized(kernel, u):
  """`W / sigma(W)`, and the vector after one more power iteration from u, through which no gradient flows."""
  matrix = kernel.reshape(-1, kernel.shape[-1])
  v, u = _iterate(lax.stop_gradient(matrix), u)
  return kernel / (v @ matrix @ u), u


def _iterate(matrix, u):
  """The singular vectors `(v, u)` after one more power iteration."""
  v = _unit(matrix @ u)
  return v, _unit(matrix.T @ v)


def _unit(x):
  return x / jnp.maximum(jnp.linalg.norm(x), 1e-12)
