"""InceptionV3 as the Fréchet Inception distance uses it, in Flax.

The network of Szegedy et al., "Rethinking the Inception architecture for computer vision", in the variant of
the TensorFlow graph `inception-2015-12-05`, whose weights exist as a PyTorch file (`inception_weights`). It
differs from the network in libraries of models: 1,008 classes; average pooling that does not count the border;
maximum pooling in the last block, where the paper has an average; batch normalization with epsilon 0.001.
Batch normalization is folded into the convolution before it. Layers are named as in the PyTorch file.
"""

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import lax

from jaxgen.metrics.features.resize import bilinear_tf1
from jaxgen.nn import conv
from jaxgen.types import Params

SIZE = 299
FEATURES = 2048
CLASSES = 1008
_EXACT = (
  lax.Precision.HIGHEST
)  # GPUs would round to 10 bits of mantissa, and a distance would change with the device


class Unit(nn.Module):
  """Convolution, bias (the folded normalization) and ReLU; `pad` pixels of zeros on each side."""

  inputs: int
  features: int
  kernel: tuple[int, int] = (1, 1)
  stride: int = 1
  pad: tuple[int, int] = (0, 0)

  def setup(self) -> None:
    shape = (*self.kernel, self.inputs, self.features)
    self.weight = self.param('kernel', nn.initializers.he_normal(), shape)
    self.bias = self.param('bias', nn.initializers.zeros, (self.features,))

  def __call__(self, x: jax.Array) -> jax.Array:
    return self.finish(conv(x, self.weight, self.stride, self.pad, precision=_EXACT))

  def finish(self, x: jax.Array) -> jax.Array:
    """Bias and ReLU; the output can be captured as the intermediate 'output'."""
    x = nn.relu(x + self.bias)
    self.sow('intermediates', 'output', x)
    return x


class BlockA(nn.Module):
  """35x35 pixels: 1x1, 5x5, double 3x3 and average pooling."""

  inputs: int
  pooled: int

  def setup(self) -> None:
    self.branch1x1 = Unit(self.inputs, 64)
    self.branch5x5_1 = Unit(self.inputs, 48)
    self.branch5x5_2 = Unit(48, 64, (5, 5), pad=(2, 2))
    self.branch3x3dbl_1 = Unit(self.inputs, 64)
    self.branch3x3dbl_2 = Unit(64, 96, (3, 3), pad=(1, 1))
    self.branch3x3dbl_3 = Unit(96, 96, (3, 3), pad=(1, 1))
    self.branch_pool = Unit(self.inputs, self.pooled)

  def __call__(self, x):
    one, five, three, pool = _pointwise(
      x, (self.branch1x1, self.branch5x5_1, self.branch3x3dbl_1), self.branch_pool
    )
    five = self.branch5x5_2(five)
    three = self.branch3x3dbl_3(self.branch3x3dbl_2(three))
    return jnp.concatenate([one, five, three, pool], axis=-1)


class BlockB(nn.Module):
  """35x35 to 17x17 pixels."""

  inputs: int

  def setup(self) -> None:
    self.branch3x3 = Unit(self.inputs, 384, (3, 3), 2)
    self.branch3x3dbl_1 = Unit(self.inputs, 64)
    self.branch3x3dbl_2 = Unit(64, 96, (3, 3), pad=(1, 1))
    self.branch3x3dbl_3 = Unit(96, 96, (3, 3), 2)

  def __call__(self, x):
    three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
    return jnp.concatenate([self.branch3x3(x), three, max_pool(x)], axis=-1)


class BlockC(nn.Module):
  """17x17 pixels: 1x1, 7x7 in two factors, double 7x7 in four, and average pooling."""

  inputs: int
  width: int

  def setup(self) -> None:
    width = self.width
    row = functools.partial(Unit, kernel=(1, 7), pad=(0, 3))
    column = functools.partial(Unit, kernel=(7, 1), pad=(3, 0))
    self.branch1x1 = Unit(self.inputs, 192)
    self.branch7x7_1 = Unit(self.inputs, width)
    self.branch7x7_2 = row(width, width)
    self.branch7x7_3 = column(width, 192)
    self.branch7x7dbl_1 = Unit(self.inputs, width)
    self.branch7x7dbl_2 = column(width, width)
    self.branch7x7dbl_3 = row(width, width)
    self.branch7x7dbl_4 = column(width, width)
    self.branch7x7dbl_5 = row(width, 192)
    self.branch_pool = Unit(self.inputs, 192)

  def __call__(self, x):
    one, seven, double, pool = _pointwise(
      x, (self.branch1x1, self.branch7x7_1, self.branch7x7dbl_1), self.branch_pool
    )
    seven = self.branch7x7_3(self.branch7x7_2(seven))
    double = self.branch7x7dbl_3(self.branch7x7dbl_2(double))
    double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
    return jnp.concatenate([one, seven, double, pool], axis=-1)


class BlockD(nn.Module):
  """17x17 to 8x8 pixels."""

  inputs: int

  def setup(self) -> None:
    self.branch3x3_1 = Unit(self.inputs, 192)
    self.branch3x3_2 = Unit(192, 320, (3, 3), 2)
    self.branch7x7x3_1 = Unit(self.inputs, 192)
    self.branch7x7x3_2 = Unit(192, 192, (1, 7), pad=(0, 3))
    self.branch7x7x3_3 = Unit(192, 192, (7, 1), pad=(3, 0))
    self.branch7x7x3_4 = Unit(192, 192, (3, 3), 2)

  def __call__(self, x):
    three, seven = _pointwise(x, (self.branch3x3_1, self.branch7x7x3_1))
    seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(seven)))
    return jnp.concatenate([self.branch3x3_2(three), seven, max_pool(x)], axis=-1)


class BlockE(nn.Module):
  """8x8 pixels: 1x1, 3x3 forked, double 3x3 forked, and pooling: average, or maximum in the last block."""

  inputs: int
  pool_by_max: bool

  def setup(self) -> None:
    row = functools.partial(Unit, kernel=(1, 3), pad=(0, 1))
    column = functools.partial(Unit, kernel=(3, 1), pad=(1, 0))
    self.branch1x1 = Unit(self.inputs, 320)
    self.branch3x3_1 = Unit(self.inputs, 384)
    self.branch3x3_2a = row(384, 384)
    self.branch3x3_2b = column(384, 384)
    self.branch3x3dbl_1 = Unit(self.inputs, 448)
    self.branch3x3dbl_2 = Unit(448, 384, (3, 3), pad=(1, 1))
    self.branch3x3dbl_3a = row(384, 384)
    self.branch3x3dbl_3b = column(384, 384)
    self.branch_pool = Unit(self.inputs, 192)

  def __call__(self, x):
    units = (self.branch1x1, self.branch3x3_1, self.branch3x3dbl_1)
    if self.pool_by_max:
      one, three, double = _pointwise(x, units)
      pool = self.branch_pool(max_pool(x, stride=1, pad=1))
    else:
      one, three, double, pool = _pointwise(x, units, self.branch_pool)
    double = self.branch3x3dbl_2(double)
    forks = (
      self.branch3x3_2a(three),
      self.branch3x3_2b(three),
      self.branch3x3dbl_3a(double),
      self.branch3x3dbl_3b(double),
    )
    return jnp.concatenate([one, *forks, pool], axis=-1)


class InceptionV3(nn.Module):
  """f32[B, 299, 299, 3] in [-1, 1] -> every named layer."""

  def setup(self) -> None:
    self.Conv2d_1a_3x3 = Unit(3, 32, (3, 3), 2)
    self.Conv2d_2a_3x3 = Unit(32, 32, (3, 3))
    self.Conv2d_2b_3x3 = Unit(32, 64, (3, 3), pad=(1, 1))
    self.Conv2d_3b_1x1 = Unit(64, 80)
    self.Conv2d_4a_3x3 = Unit(80, 192, (3, 3))
    self.Mixed_5b = BlockA(192, 32)
    self.Mixed_5c = BlockA(256, 64)
    self.Mixed_5d = BlockA(288, 64)
    self.Mixed_6a = BlockB(288)
    self.Mixed_6b = BlockC(768, 128)
    self.Mixed_6c = BlockC(768, 160)
    self.Mixed_6d = BlockC(768, 160)
    self.Mixed_6e = BlockC(768, 192)
    self.Mixed_7a = BlockD(768)
    self.Mixed_7b = BlockE(1280, pool_by_max=False)
    self.Mixed_7c = BlockE(2048, pool_by_max=True)
    self.fc = nn.Dense(CLASSES, precision=_EXACT)

  def __call__(self, x: jax.Array) -> dict[str, jax.Array]:
    """The output of each layer by its name; 'features' f32[B, 2048] and 'logits' f32[B, 1008] come last.

    Features are averaged over the last 8x8 pixels. 'logits_unbiased' lacks the bias: the published Inception
    score is computed from these.
    """
    layers = {}
    for name in _ORDER:
      x = max_pool(x) if name.startswith('max_pool') else getattr(self, name)(x)
      layers[name] = x
    layers['features'] = x.mean((1, 2))
    layers['logits'] = self.fc(layers['features'])
    layers['logits_unbiased'] = layers['logits'] - self.fc.variables['params']['bias']
    return layers


_ORDER = (
  'Conv2d_1a_3x3', 'Conv2d_2a_3x3', 'Conv2d_2b_3x3', 'max_pool_1', 'Conv2d_3b_1x1', 'Conv2d_4a_3x3', 'max_pool_2',
  'Mixed_5b', 'Mixed_5c', 'Mixed_5d', 'Mixed_6a', 'Mixed_6b', 'Mixed_6c', 'Mixed_6d', 'Mixed_6e',
  'Mixed_7a', 'Mixed_7b', 'Mixed_7c',
)  # fmt: skip


def preprocess(x: jax.Array) -> jax.Array:
  """u8[B, H, W, 3] -> f32[B, 299, 299, 3]: resized as TensorFlow 1 does, then `(x - 128) / 128`."""
  return (bilinear_tf1(x.astype(jnp.float32), SIZE) - 128) / 128


@jax.jit
def features_and_logits(params: Params, x: jax.Array) -> tuple[jax.Array, jax.Array]:
  """u8[B, H, W, 3] -> the pooled features f32[B, 2048] and the logits without bias, f32[B, 1008]."""
  layers: Any = InceptionV3().apply({'params': params}, preprocess(x))
  return layers['features'], layers['logits_unbiased']


def max_pool(x: jax.Array, stride: int = 2, pad: int = 0) -> jax.Array:
  """The maximum of 3x3 pixels."""
  return functools.reduce(jnp.maximum, _nine(x, stride, pad, -jnp.inf))


def average_pool(x: jax.Array) -> jax.Array:
  """The mean of those of 3x3 pixels that lie inside the image: TensorFlow does not count its border."""
  rows, columns = (3.0 - (np.arange(n) == 0) - (np.arange(n) == n - 1) for n in x.shape[1:3])
  weight = (1 / np.outer(rows, columns)).astype(np.float32)
  return functools.reduce(jnp.add, _nine(x, 1, 1, 0)) * weight[:, :, None]


def _nine(x, stride, pad, value):
  """The pixels of each 3x3 window, one place at a time: on a CPU a third of the time of XLA's reduce_window."""
  x = jnp.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)), constant_values=value)
  reach = [(n - 3) // stride * stride + 1 for n in x.shape[1:3]]
  for i, j in itertools.product(range(3), repeat=2):
    yield x[:, i : i + reach[0] : stride, j : j + reach[1] : stride]


def _pointwise(x: jax.Array, units: Sequence[Unit], pool: Unit | None = None) -> list[jax.Array]:
  """Several 1x1 units of one input as one matrix product.

  `pool` is the unit behind an average pooling. Both are linear and act on different axes, so that its matrix is
  applied first and what is pooled is a few channels in place of all.
  """
  together = (*units, pool) if pool else tuple(units)
  y = conv(x, jnp.concatenate([unit.weight for unit in together], axis=-1), precision=_EXACT)
  parts = jnp.split(y, np.cumsum([unit.features for unit in together])[:-1], axis=-1)
  if pool:
    parts[-1] = average_pool(parts[-1])
  return [unit.finish(part) for unit, part in zip(together, parts, strict=True)]
