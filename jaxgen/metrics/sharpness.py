"""Sharpness: how much of an image changes from one pixel to the next."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.errors import UserError


def sharpness(x: np.ndarray, levels: int) -> np.ndarray:
  """The variance of each image's Laplacian, f32[N].

  The grey image, scaled to [0, 1], is convolved with `[[0, 1, 0], [1, -4, 1], [0, 1, 0]]` where that fits
  (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy": the variance of the Laplacian).

  Args:
    x: u8[N, H, W, C] in [0, levels), H and W at least 3.
    levels: the number of values a pixel takes.

  Raises:
    UserError: if these are no images, or too small ones.
  """
  if np.ndim(x) != 4 or min(np.shape(x)[1:3]) < 3:
    raise UserError(f'Sharpness needs images of at least 3x3 pixels, not {np.shape(x)[1:]}.')
  parts = [_laplacian_variance(x[i : i + 1024], max(levels - 1, 1)) for i in range(0, len(x), 1024)]
  return np.concatenate([np.asarray(part) for part in parts]) if parts else np.zeros((0,), np.float32)


def relative_sharpness(generated: np.ndarray, data: np.ndarray, levels: int) -> float:
  """The mean sharpness of the generated images over that of the data: below 1 is blurred, above 1 is noisy.

  Raises:
    UserError: if the data have no sharpness at all: every image is of one colour.
  """
  of_data = sharpness(data, levels).mean(dtype=np.float64)
  if not of_data:
    raise UserError('The reference images are all of one colour; sharpness relative to them means nothing.')
  return float(sharpness(generated, levels).mean(dtype=np.float64) / of_data)


@jax.jit
def _laplacian_variance(x, scale):
  grey = jnp.asarray(x, jnp.float32).mean(-1) / scale
  inner = grey[:, 1:-1, 1:-1]
  around = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
  return jnp.var(around - 4 * inner, axis=(1, 2))
