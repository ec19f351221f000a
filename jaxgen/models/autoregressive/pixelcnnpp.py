"""PixelCNN++ (Salimans et al., "PixelCNN++: Improving the PixelCNN with discretized logistic mixture likelihood and
other modifications", 2017).

Two streams (section 2.3, figure 2): one sees the rows above a pixel, the other those and what lies left of it. Halving
and doubling the image lets them look far, and shortcuts lead from the first half of the network to the second. Its
outputs for a pixel are a mixture of logistics whose channels are coupled (section 2.2): see
`jaxgen.losses.logistic_mixture`. Convolutions are of the usual kind, not weight normalized as in the paper.

A kernel is two rows high, so a block of rows that halving keeps whole hears of all above it through one row of each
layer. While a block is sampled these are kept, and a pixel costs the network on that block: no more for a taller image.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.computing import block
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.autoregressive import Predictor, Run
from jaxgen.families.conditions import flat
from jaxgen.families.logistic_mixtures import logistic_mixture, packed
from jaxgen.families.pixels import to_network
from jaxgen.losses.logistic_mixture import LogisticMixture, coupled
from jaxgen.nn import Conv, ConvTranspose, Dense
from jaxgen.nn.masked_conv import TwoRowConv, with_rows_above
from jaxgen.settings import autoregressive as settings
from jaxgen.types import Batch, GenerativeModel

Given = Batch | None  # conditions, prepared
Rows = Sequence[jax.Array]  # the last rows of what lies above a block, for each layer that looks there

KEYS = {
  'width': Key(160, int, 'of both streams', WIDTH),
  'num_layers': Key(5, int, 'of each stream at each size, on the way down', DEPTH),
  'num_sizes': Key(3, int, 'of the image, each half of the one before', '[1, 8]'),
  'components': Key(10, int, 'logistics in a mixture', '[1, 1024]'),
  'dropout': Key(0.5, float, "the share of a layer's values that training leaves out", '[0, 1)'),
}

_LEAST_LOG_SCALE = -7.0  # of pixels in [-1, 1], as published
_DOWN, _DOWN_RIGHT = (1, 1), (1, 0)  # columns beside a kernel that looks to both sides, and to the left alone


class Residual(nn.Module):
  """A gated residual layer, with a shortcut and conditions between its convolutions (as in the released code).

  Attributes:
    width: channels of what goes through.
    beside: see `TwoRowConv`.
    dropout: the rate, before the second convolution.
  """

  width: int
  beside: tuple[int, int]
  dropout: float

  @nn.compact
  def __call__(
    self, x: jax.Array, aside: jax.Array | None, above: Rows | None, given: Given, train: bool
  ) -> tuple[jax.Array, Rows]:
    """f32[B, R, W, width], f32[B, R, W, F] of a shortcut -> f32[B, R, W, width], and the last rows."""
    first, second = above or (None, None)
    h, last = TwoRowConv(self.width, self.beside)(_concat_elu(x), first)
    if aside is not None:
      h += Dense(self.width)(_concat_elu(aside))
    h = nn.Dropout(self.dropout)(_concat_elu(h), deterministic=not train)
    h, last_of_second = TwoRowConv(2 * self.width, self.beside, scale=0.1)(h, second)
    if given:
      h += nn.Dense(2 * self.width, use_bias=False)(flat(given))[:, None, None]
    value, gate = jnp.split(h, 2, axis=-1)
    return x + value * nn.sigmoid(gate), (last, last_of_second)


class PixelCNNpp(nn.Module):
  """x [B, H, W, C] in [0, levels) and the conditions -> f32[B, H, W, C, 3 components], mixtures of logistics.

  Attributes:
    channels: C.
    levels: the number of values a pixel takes.
    width: channels of both streams.
    num_layers: of each stream at each size, on the way down.
    num_sizes: H and W are multiples of `2 ** (num_sizes - 1)`.
    components: of a mixture.
    dropout: the rate in the layers.
  """

  channels: int
  levels: int
  width: int
  num_layers: int
  num_sizes: int
  components: int
  dropout: float = 0.0

  def setup(self) -> None:
    def layers(number, beside):
      return [Residual(self.width, beside, self.dropout) for _ in range(number)]

    def halves(beside):
      return [TwoRowConv(self.width, beside, stride=2) for _ in range(self.num_sizes - 1)]

    # from the coarsest image on one layer more, for what halving has put out
    down = [self.num_layers] * self.num_sizes
    up = [self.num_layers, *[self.num_layers + 1] * (self.num_sizes - 1)]
    self.above_first = Conv(self.width, (2, 3), padding=((0, 0), (1, 1)))
    self.row_first = Conv(self.width, (1, 3), padding=((0, 0), (1, 1)))
    self.left_first = Conv(self.width, (2, 1), padding='VALID')
    self.above_down, self.left_down = ([layers(n, beside) for n in down] for beside in (_DOWN, _DOWN_RIGHT))
    self.above_up, self.left_up = ([layers(n, beside) for n in up] for beside in (_DOWN, _DOWN_RIGHT))
    self.above_halves, self.left_halves = halves(_DOWN), halves(_DOWN_RIGHT)
    self.above_doubles, self.left_doubles = (
      [
        ConvTranspose(self.width, (2, 1 + sum(beside)), strides=(2, 2), padding=((1, 1), (1, sum(beside))))
        for _ in range(self.num_sizes - 1)
      ]
      for beside in (_DOWN, _DOWN_RIGHT)
    )
    pairs = self.channels * (self.channels - 1) // 2
    self.head = Dense(self.components * (1 + 2 * self.channels + pairs))

  def __call__(self, x: jax.Array, given: Given = None, train: bool = False) -> jax.Array:
    return self.entries(self.pixels(x, None, given, train)[0], x)

  def pixels(
    self, x: jax.Array, above: Rows | None, given: Given = None, train: bool = False
  ) -> tuple[jax.Array, Rows]:
    """The outputs for the pixels of a block of rows.

    Args:
      x: [B, R, W, C]; R is a multiple of `2 ** (num_sizes - 1)`.
      above: what came second of the block above; None at the top.
      given: the conditions.
      train: whether dropout acts.

    Returns:
      f32[B, R, W, components (1 + 2 C + C (C - 1) / 2)], each of all pixels before its own, and the last rows.
    """
    rows = iter(above) if above else itertools.repeat(None)
    v, h, last = self._first(x, next(rows))
    last, shortcuts = [last], [(v, h)]

    def run(layer, *args, **changes):
      y, rows_of_layer = block(layer, *args, **changes)
      last.append(rows_of_layer)
      return y

    for size in range(self.num_sizes):
      for of_above, of_left in zip(self.above_down[size], self.left_down[size], strict=True):
        v = run(of_above, v, None, next(rows), given, train=train)
        h = run(of_left, h, v, next(rows), given, train=train)
        shortcuts.append((v, h))
      if size < self.num_sizes - 1:
        v, h = run(self.above_halves[size], v, next(rows)), run(self.left_halves[size], h, next(rows))
        shortcuts.append((v, h))
    v, h = shortcuts.pop()
    for size in range(self.num_sizes):
      for of_above, of_left in zip(self.above_up[size], self.left_up[size], strict=True):
        old_v, old_h = shortcuts.pop()
        v = run(of_above, v, old_v, next(rows), given, train=train)
        h = run(of_left, h, jnp.concatenate([v, old_h], axis=-1), next(rows), given, train=train)
      if size < self.num_sizes - 1:
        v, h = self.above_doubles[size](v), self.left_doubles[size](h)
    return self.head(nn.elu(h)).astype(jnp.float32), last

  def entries(self, outputs: jax.Array, x: jax.Array) -> jax.Array:
    """The mixtures of all channels, f32[..., C, 3 components], from a pixel's outputs and x [..., C]."""
    c, k = self.channels, self.components
    parts = jnp.split(outputs, [k, k * (1 + c), k * (1 + 2 * c)], axis=-1)
    logits, (means, log_scales, coefficients) = parts[0], (p.reshape(*p.shape[:-1], -1, k) for p in parts[1:])
    # the published ones are of pixels in [-1, 1], twice as wide as intensities; below the least there is a way back
    log_scales = _LEAST_LOG_SCALE + nn.softplus(log_scales - _LEAST_LOG_SCALE) - math.log(2)
    mixture = LogisticMixture(logits, 0.5 + 0.5 * means, log_scales)
    return packed(coupled(x, mixture, jnp.tanh(coefficients), levels=self.levels))

  def _first(self, x, above):
    """Of the pixels, and a channel of ones that tells the image from its border: both streams, and the last rows."""
    x = to_network(x, self.levels)
    # row r of both streams comes of rows r - 2 to r, where only what lies left is seen of the last
    seen = with_rows_above(jnp.concatenate([x, jnp.ones_like(x[..., :1])], axis=-1), above, 2)
    left = jnp.pad(seen[:, 1:, :-1], ((0, 0), (0, 0), (1, 0), (0, 0)))
    v = self.above_first(seen[:, :-1])
    return v, self.row_first(seen[:, 1:-1]) + self.left_first(left), seen[:, -2:]


def cached(network: PixelCNNpp) -> Predictor:
  """The predictor whose cache is what is known of the rows above a block, and the outputs for the present pixel."""
  height, channels = 2 ** (network.num_sizes - 1), network.channels

  def predictor(run: Run, given: Any) -> tuple[Callable, Callable]:
    def on_block(x, index, above):
      return run(lax.dynamic_slice_in_dim(x, index * height, height, axis=1), above, given, method='pixels')

    def of_pixel(x, index, above, place):
      return on_block(x, index, above)[0][:, *place]

    def init_cache(x):
      shapes = jax.eval_shape(lambda x: (of_pixel(x, 0, None, (0, 0)), on_block(x, 0, None)[1]), x)
      return jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)

    def predict(x, entry, cache):
      outputs, above = cache
      width = x.shape[2]
      row, column, channel = entry // (width * channels), entry // channels % width, entry % channels
      index = row // height
      begins = (entry % (height * width * channels) == 0) & (entry > 0)
      above = lax.cond(begins, lambda: on_block(x, index - 1, above)[1], lambda: above)
      place = row % height, column
      outputs = lax.cond(channel == 0, lambda: of_pixel(x, index, above, place), lambda: outputs)
      return run(outputs, x[:, row, column], method='entries')[:, channel], (outputs, above)

    return predict, init_cache

  return predictor


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are not images of discrete values, or cannot be halved as often as the network does.
  """
  model, x = config.model, fields.of(config)['x']
  if x.kind != 'image' or x.levels < 2:
    values = 'discrete' if x.levels else 'continuous'
    raise UserError(
      f'PixelCNN++ needs images with discrete values, not {x.kind} data of shape {x.shape} with {values} values.'
    )
  unit = 2 ** (model.num_sizes - 1)
  if x.shape[0] % unit or x.shape[1] % unit:
    raise UserError(
      f'config.model.num_sizes={model.num_sizes} needs images whose sides are multiples of {unit}, not '
      f'{x.shape[0]}x{x.shape[1]}; use fewer sizes.'
    )
  network = PixelCNNpp(
    channels=x.shape[2],
    levels=x.levels,
    width=model.width,
    num_layers=model.num_layers,
    num_sizes=model.num_sizes,
    components=model.components,
    dropout=model.dropout,
  )
  distribution = logistic_mixture(x.levels, model.components)
  return settings.assemble(config, network, cached(network), distribution)


def _concat_elu(x):
  return nn.elu(jnp.concatenate([x, -x], axis=-1))
