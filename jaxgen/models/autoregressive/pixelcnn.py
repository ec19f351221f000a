"""Gated PixelCNN (van den Oord et al., "Conditional image generation with PixelCNN decoders", 2016).

Two stacks of gated convolutions (figure 2). The vertical one sees all rows above a pixel; the horizontal one
sees the pixels to the left, and the vertical one at every layer. Together they see everything before a pixel, with no
blind spot. Within a pixel red comes before green and green before blue: see `jaxgen.nn.masked_conv`.

The horizontal stack never looks above its own row, except through the vertical stack, which never looks at this
row. So while an image is sampled, the vertical stack costs one row of it at the beginning of each row, and the
horizontal one a pixel at each of its channels, which come one after the other; of both is kept what the kernels of
later ones reach back to.
"""

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
from jaxgen.families.autoregressive import Run
from jaxgen.families.conditions import flat
from jaxgen.nn import Dense
from jaxgen.nn.masked_conv import MaskedConv
from jaxgen.settings import autoregressive as settings
from jaxgen.types import Batch, GenerativeModel

Given = Batch | None  # conditions, prepared
Kept = Sequence[jax.Array]  # of each layer but the first

KEYS = {
  'width': Key(32, int, "of the layers, a multiple of the image's channels", WIDTH),
  'num_layers': Key(4, int, 'gated layers after the first', DEPTH),
  'first_kernel': Key(7, int, "the side of the first layer's kernel, odd", '[3, 63]'),
  'kernel': Key(3, int, 'the side of the other kernels, odd', '[3, 63]'),
  'dropout': Key(0.2, float, "the share of a layer's values that training leaves out", '[0, 1)'),
}


class GatedLayer(nn.Module):
  """One layer of both stacks: y = tanh(W_f x + V_f c) * sigmoid(W_g x + V_g c) (equations 2 and 4).

  The first layer hides a pixel from itself and has no residual connection, as its input is the image.
  """

  width: int
  kernel_size: int
  groups: int
  first: bool
  dropout: float

  def setup(self) -> None:
    def masked(features, kernel_size, kind):
      return MaskedConv(features, kernel_size, kind, self.groups)

    square, row = (self.kernel_size, self.kernel_size), (1, self.kernel_size)
    self.above = masked(2 * self.width, square, 'above' if self.first else 'through')
    self.link = Dense(2 * self.width)
    self.left = masked(2 * self.width, row, 'A' if self.first else 'B')
    self.mix = masked(self.width, (1, 1), 'B')
    self.drop = nn.Dropout(self.dropout)
    self.condition_above = nn.Dense(2 * self.width, use_bias=False)
    self.condition_left = nn.Dense(2 * self.width, use_bias=False)

  def vertical(self, v: jax.Array, given: Given, by_row: bool = False) -> tuple[jax.Array, jax.Array]:
    """f32[B, H, W, F] -> the next layer's input, and what the horizontal stack is told, f32[B, H, W, 2 width].

    With `by_row`, v begins with the rows that the kernel reaches back to, and as many fewer come out.
    """
    h = self.above(v, (by_row, False))
    if given:
      h += self.condition_above(flat(given))[:, None, None]
    return _gate(h), self.link(h)

  def horizontal(
    self, x: jax.Array, link: jax.Array, given: Given, train: bool, by_column: bool = False
  ) -> jax.Array:
    """f32[B, R, W, F] and a link f32[B, R, W, 2 width] -> f32[B, R, W, width], for any number of rows R.

    With `by_column`, x begins with the columns that the kernel reaches back to, and has so many more than the link.
    """
    h = self.left(x, (False, by_column)) + link
    if given:
      h += self.condition_left(flat(given))[:, None, None]
    y = self.mix(self.drop(_gate(h), deterministic=not train))
    return y if self.first else x[:, :, -y.shape[2] :] + y


class PixelCNN(nn.Module):
  """x [B, H, W, C] in [0, levels) and the conditions -> f32[B, H, W, C, num_outputs], logits by default.

  Attributes:
    channels: C; it divides `width`.
    levels: the number of values a pixel takes; 0 where it is a number in [-1, 1].
    width: channels of the layers.
    num_layers: gated layers after the first.
    first_kernel: the side of the first layer's kernel, odd.
    kernel: the side of the others', odd.
    dropout: the rate, before a layer's output is mixed.
    num_outputs: of an entry of the image; a logit for each of its values by default.
  """

  channels: int
  levels: int
  width: int
  num_layers: int
  first_kernel: int = 7
  kernel: int = 3
  dropout: float = 0.0
  num_outputs: int = 0

  def setup(self) -> None:
    kernels = (self.first_kernel, *([self.kernel] * self.num_layers))
    self.layers = [
      GatedLayer(self.width, kernel, self.channels, index == 0, self.dropout)
      for index, kernel in enumerate(kernels)
    ]
    self.head = MaskedConv(self.width, (1, 1), 'B', self.channels)
    self.logits = MaskedConv(self.channels * self._outputs, (1, 1), 'B', self.channels)

  def __call__(self, x, given=None, train=False):
    return self.horizontal(x, self.vertical(x, given), given, train)

  def vertical(self, x: jax.Array, given: Given = None) -> list[jax.Array]:
    """What each layer of the horizontal stack hears of the rows above: a list of f32[B, H, W, 2 width]."""
    v, links = self._input(x), []
    for layer in self.layers:
      v, link = block(layer, v, given, method='vertical')
      links.append(link)
    return links

  def horizontal(
    self, x: jax.Array, links: Sequence[jax.Array], given: Given = None, train: bool = False
  ) -> jax.Array:
    """The outputs of the rows that `x` and `links` hold, f32[B, R, W, C, num_outputs]."""
    h = self._input(x)
    for layer, link in zip(self.layers, links, strict=True):
      h = block(layer, h, link, given, method='horizontal', train=train)
    return self._entries(h)

  def start(self, x: jax.Array) -> tuple[Kept, Kept]:
    """What is kept before the first pixel: of each layer but the first the rows above, and the columns of a row."""
    size, width, reach = len(x), x.shape[2], self.kernel // 2
    rows = [jnp.zeros((size, reach, width, self.width)) for _ in range(self.num_layers)]
    columns = [jnp.zeros((size, 1, reach + width, self.width)) for _ in range(self.num_layers)]
    return rows, columns

  def next_row(
    self, x: jax.Array, row: jax.Array, kept: Kept, given: Given = None
  ) -> tuple[list[jax.Array], Kept]:
    """`vertical` of one row, a list of f32[B, 1, W, 2 width], from what is kept of the rows above; and what is then."""
    reach = self.first_kernel // 2
    v = jnp.pad(self._input(x), ((0, 0), (reach, 0), (0, 0), (0, 0)))
    v, link = self.layers[0].vertical(lax.dynamic_slice_in_dim(v, row, reach + 1, axis=1), given, by_row=True)
    links, rows = [link], []
    for layer, above in zip(self.layers[1:], kept, strict=True):
      seen = jnp.concatenate([above, v.astype(above.dtype)], axis=1)
      v, link = layer.vertical(seen, given, by_row=True)
      links.append(link)
      rows.append(seen[:, 1:])
    return links, rows

  def pixel(
    self,
    x: jax.Array,
    place: tuple[jax.Array, jax.Array],
    links: Sequence[jax.Array],
    kept: Kept,
    given: Given = None,
  ) -> tuple[jax.Array, Kept]:
    """The outputs of the pixel at `place`, f32[B, C, num_outputs], and what is kept of its row.

    The values of this pixel that are kept are final once it is computed for the last of its channels.
    """
    (row, column), reach = place, self.first_kernel // 2
    h = jnp.pad(
      self._input(lax.dynamic_slice_in_dim(x, row, 1, axis=1)), ((0, 0), (0, 0), (reach, 0), (0, 0))
    )
    seen, columns = lax.dynamic_slice_in_dim(h, column, reach + 1, axis=2), []
    for index, (layer, link) in enumerate(zip(self.layers, links, strict=True)):
      link = lax.dynamic_slice_in_dim(link, column, 1, axis=2)
      h = layer.horizontal(seen, link, given, False, by_column=True)
      if index < len(kept):
        reach = self.kernel // 2
        left = lax.dynamic_update_slice_in_dim(
          kept[index], h.astype(kept[index].dtype), column + reach, axis=2
        )
        seen = lax.dynamic_slice_in_dim(left, column, reach + 1, axis=2)
        columns.append(left)
    return self._entries(h)[:, 0, 0], columns

  def _entries(self, h):
    """f32[B, R, W, width] -> f32[B, R, W, C, num_outputs]."""
    h = self.logits(nn.relu(self.head(nn.relu(h)))).astype(jnp.float32)
    # channel c of the masks' order is c % C, so the outputs come first
    return jnp.moveaxis(h.reshape(*h.shape[:-1], self._outputs, self.channels), -1, -2)

  @property
  def _outputs(self):
    return self.num_outputs or self.levels

  def _input(self, x):
    """Pixels in [-1, 1], and a channel of ones that tells the image from its border."""
    x = x.astype(jnp.float32)
    x = x * (2.0 / (self.levels - 1)) - 1.0 if self.levels else x
    return jnp.concatenate([x, jnp.ones_like(x[..., :1])], axis=-1)


def pixel_by_pixel(run: Run, given: Any) -> tuple[Callable, Callable]:
  """A predictor of `jaxgen.families.autoregressive` that computes each row once, and a pixel at each channel."""

  def next_row(x, row, rows):
    return run(x, row, rows, given, method='next_row')

  def init_cache(x):
    rows, columns = run(x, method='start')
    links, _ = jax.eval_shape(lambda: next_row(x, 0, rows))
    return jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), links), rows, columns

  def predict(x, entry, cache):
    links, rows, columns = cache
    width, channels = x.shape[2:]
    row, column, channel = entry // (width * channels), entry // channels % width, entry % channels
    links, rows = lax.cond(
      entry % (width * channels) == 0, lambda: next_row(x, row, rows), lambda: (links, rows)
    )
    outputs, columns = run(x, (row, column), links, columns, given, method='pixel')
    return outputs[:, channel], (links, rows, columns)

  return predict, init_cache


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are not images of discrete values, or a setting does not fit them.
  """
  model, x = config.model, fields.of(config)['x']
  if x.kind != 'image' or x.levels < 2:
    values = 'discrete' if x.levels else 'continuous'
    raise UserError(
      f'PixelCNN needs images with discrete values, not {x.kind} data of shape {x.shape} with {values} values.'
    )
  check(config)
  network = PixelCNN(
    channels=x.shape[2],
    levels=x.levels,
    width=model.width,
    num_layers=model.num_layers,
    first_kernel=model.first_kernel,
    kernel=model.kernel,
    dropout=model.dropout,
  )
  return settings.assemble(config, network, pixel_by_pixel)


def check(config: ConfigDict) -> None:
  """Holds the settings of the network against the images that it is for.

  Raises:
    UserError: if masks cannot be made of them.
  """
  model, channels = config.model, fields.of(config)['x'].shape[2]
  if model.width % channels:
    raise UserError(
      f'config.model.width={model.width} must be a multiple of the {channels} channels of the images.'
    )
  if model.kernel % 2 == 0 or model.first_kernel % 2 == 0:
    raise UserError('config.model.kernel and config.model.first_kernel must be odd numbers.')


def _gate(h):
  filtered, gated = jnp.split(h, 2, axis=-1)
  return jnp.tanh(filtered) * nn.sigmoid(gated)
