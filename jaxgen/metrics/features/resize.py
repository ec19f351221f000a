"""What every network that looks at images is given: 8-bit pixels, three colours, a fixed size."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.typing import ArrayLike

from jaxgen.errors import UserError


def to_bytes(x: ArrayLike, levels: int) -> np.ndarray:
  """Pixels as u8 in [0, 255], of three colours: `round(255 x / (levels - 1))`.

  Args:
    x: integers[N, H, W, C] in [0, levels), C is 1 or 3.
    levels: the number of values a pixel takes.

  Raises:
    UserError: if these are no such images.
  """
  x = np.asarray(x)
  if x.ndim != 4 or x.shape[-1] not in (1, 3):
    raise UserError(f'Images have shape [N, H, W, 1 or 3], not {x.shape}.')
  if not np.issubdtype(x.dtype, np.integer):
    raise UserError(f'Images hold whole numbers in [0, {levels}), not {x.dtype}; quantize them first.')
  if x.size and (x.min() < 0 or x.max() >= levels):
    raise UserError(f'Images hold values in [0, {levels}), but there are some from {x.min()} to {x.max()}.')
  if levels != 256:
    x = (x.astype(np.int64) * 510 + (levels - 1)) // (2 * (levels - 1))
  return np.broadcast_to(x.astype(np.uint8), (*x.shape[:3], 3))


def bilinear_tf1(x: jax.Array, size: int) -> jax.Array:
  """`tf.image.resize_bilinear(x, (size, size), align_corners=False)` of TensorFlow 1.

  Output pixel i is read at `i * H / size`: the corners of pixels are aligned, not their centres, and shrinking
  averages nothing. This is what the published Inception graph does, and it is not what PyTorch, Pillow or
  `jax.image` do (Parmar et al., "On aliased resizing and surprising subtleties in GAN evaluation").

  Args:
    x: f32[B, H, W, C].
    size: height and width of the result.

  Returns:
    f32[B, size, size, C].
  """
  rows, columns = _weights(x.shape[1], size), _weights(x.shape[2], size)
  x = jnp.einsum('oh,bhwc->bowc', rows, x, precision=lax.Precision.HIGHEST)
  return jnp.einsum('ow,bhwc->bhoc', columns, x, precision=lax.Precision.HIGHEST)


def _weights(size_in, size_out):
  """f32[out, in]: two neighbours share each output pixel."""
  place = np.arange(size_out, dtype=np.float32) * np.float32(size_in / size_out)
  low = np.floor(place).astype(int)
  weights = np.zeros((size_out, size_in), np.float32)
  np.add.at(weights, (np.arange(size_out), low), 1 - (place - low))
  np.add.at(weights, (np.arange(size_out), np.minimum(low + 1, size_in - 1)), place - low)
  return weights
