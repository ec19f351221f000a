"""Masked convolutions: pixels that see only what comes before them in row-major order.

The channels of a layer fall into as many groups as the image has channels: channel `c` belongs to group
`c % groups`, so that concatenating or halving widths that are multiples of `groups` keeps every channel's
group. Within a pixel, group 1 comes after group 0 (green after red), and so on.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxgen.nn import Conv


def raster_mask(
  kernel_size: tuple[int, int], kind: str, inputs: int, outputs: int, groups: int = 1
) -> np.ndarray:
  """Which weights of a centred kernel may be other than zero.

  Kinds 'A' and 'B' are those of van den Oord et al., "Pixel recurrent neural networks" (2016), section 3.4:
  everything above, and to the left in the same row; at the centre, groups before the own one ('A') or up to
  the own one ('B'). The vertical stack of "Conditional image generation with PixelCNN decoders" (2016),
  section 2.2, needs two more: all rows above ('above'), and those with the whole centre row ('through').

  Args:
    kernel_size: two odd numbers.
    kind: 'A', 'B', 'above' or 'through'.
    inputs: channels of the input.
    outputs: channels of the output.
    groups: channels of the image.

  Returns:
    f32[*kernel_size, inputs, outputs], of zeros and ones.

  Raises:
    ValueError: if a side of the kernel is even, or there is no such kind.
  """
  if kernel_size[0] % 2 == 0 or kernel_size[1] % 2 == 0:
    raise ValueError(f'a masked kernel has a centre, so its sides are odd, not {kernel_size}.')
  before, same = np.arange(inputs)[:, None] % groups, np.arange(outputs)[None] % groups
  centres: dict[str, Any] = {'A': before < same, 'B': before <= same, 'above': False, 'through': True}
  if kind not in centres:
    raise ValueError(f'there is no mask "{kind}"; the kinds are: {", ".join(centres)}.')
  row, column = kernel_size[0] // 2, kernel_size[1] // 2
  mask = np.zeros((*kernel_size, inputs, outputs), np.float32)
  mask[:row] = 1
  mask[row, :column] = kind != 'above'
  mask[row, column] = centres[kind]
  mask[row, column + 1 :] = kind == 'through'
  return mask


class MaskedConv(nn.Module):
  """A convolution with `raster_mask`, 'SAME' padding and stride 1.

  Rows and columns of the kernel that are masked altogether are cut off: a 5x5 kernel costs three rows, not
  five. `kernel_size=(1, k)` looks along the row alone, whatever the number of rows. Fields as in
  `raster_mask`; `dtype` is that of the computation.
  """

  features: int
  kernel_size: tuple[int, int]
  kind: str
  groups: int = 1
  use_bias: bool = True
  dtype: np.dtype | None = None

  @nn.compact
  def __call__(self, x: jax.Array, before: tuple[bool, bool] = (False, False)) -> jax.Array:
    """f32[B, H, W, C] -> f32[B, H, W, features].

    Args:
      x: the input.
      before: whether x begins with the rows, or the columns, that the first of the outputs sees before its own: half a
        kernel of them, and nothing is padded there. There are as many outputs fewer.
    """
    mask = raster_mask(self.kernel_size, self.kind, x.shape[-1], self.features, self.groups)
    used = np.any(mask, axis=(2, 3))
    if not used.any():
      raise ValueError(
        f'a {self.kernel_size} kernel of kind "{self.kind}" in {self.groups} group(s) sees nothing.'
      )
    spans = [_span(used.any(axis=1)), _span(used.any(axis=0))]
    mask = mask[tuple(slice(low, high + 1) for low, high in spans)]
    centres = [size // 2 for size in self.kernel_size]
    # where the last used row or column lies before the centre, the input's end is seen by nobody
    ends = [
      size - max(0, centre - high)
      for size, centre, (_, high) in zip(x.shape[1:3], centres, spans, strict=True)
    ]
    padding = [
      (0 if there else centre - low, max(0, high - centre))
      for centre, (low, high), there in zip(centres, spans, before, strict=True)
    ]
    return Conv(
      self.features,
      mask.shape[:2],
      padding=padding,
      use_bias=self.use_bias,
      mask=None if mask.all() else mask,
      dtype=self.dtype,
    )(x[:, : ends[0], : ends[1]])


class TwoRowConv(nn.Module):
  """A convolution that sees its own row and the one above, and of columns those that `beside` lets it.

  Attributes:
    features: channels of the output.
    beside: columns that the kernel reaches to the left and to the right.
    stride: 2 halves the image.
    scale: the standard deviation of the first weights, of the usual one.
  """

  features: int
  beside: tuple[int, int]
  stride: int = 1
  scale: float = 1.0

  @nn.compact
  def __call__(self, x: jax.Array, above: jax.Array | None) -> tuple[jax.Array, jax.Array]:
    """f32[B, R, W, F], and the row above, None at the top -> f32[B, R, W, features], and the last row of x."""
    seen = with_rows_above(x, above, 1)
    init = nn.initializers.variance_scaling(self.scale**2, 'fan_in', 'truncated_normal')
    size, strides, padding = (2, 1 + sum(self.beside)), (self.stride, self.stride), ((0, 0), self.beside)
    y = Conv(self.features, size, strides=strides, padding=padding, kernel_init=init)(seen)
    return y, seen[:, -1:]


def with_rows_above(x: jax.Array, above: jax.Array | None, num: int) -> jax.Array:
  """f32[B, num + R, W, F]: `num` rows that lie above x, zeros where they are None, and x, f32[B, R, W, F]."""
  if above is None:
    above = jnp.zeros_like(x, shape=(x.shape[0], num, *x.shape[2:]))
  return jnp.concatenate([above.astype(x.dtype), x], axis=1)


def _span(used):
  """The first and the last True."""
  where = np.flatnonzero(used)
  return int(where[0]), int(where[-1])
