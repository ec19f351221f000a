"""Sample walls: small pictures at their own resolution, which a browser magnifies without blurring them."""

import base64
import io

import jax
import numpy as np
from PIL import Image

from jaxgen.types import Field, GenerativeModel

SIDE = 6  # samples a side
_LINE = 96  # grey of the lines between them


def wall(model: GenerativeModel, params, extra, field: Field, given=None) -> str:
  """Samples of a model, always from the same latents, as the data URI of a PNG."""
  draw = jax.jit(model.sample, static_argnums=3)
  x = draw(params, extra, jax.random.key(2), 64, given)  # a batch size that is compiled anyway
  return data_uri(tiles(np.asarray(x), field.levels))


def tiles(x: np.ndarray, levels: int, side: int = SIDE) -> np.ndarray:
  """The first `side * side` images with a line of a pixel between them, uint8[side * (H + 1) - 1, ..., 3]."""
  num, height, width, channels = x[: side * side].shape
  x = np.concatenate([x[: side * side], np.zeros((side * side - num, height, width, channels), x.dtype)])
  x = np.rint(x.astype(np.float32) * (255 / (levels - 1))).astype(np.uint8)
  x = np.broadcast_to(x, (*x.shape[:3], 3)) if channels == 1 else x[..., :3]
  x = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=_LINE)
  rows = x.reshape(side, side, height + 1, width + 1, 3).swapaxes(1, 2)
  return rows.reshape(side * (height + 1), side * (width + 1), 3)[:-1, :-1]


def data_uri(picture: np.ndarray) -> str:
  """uint8[H, W, 3] as the data URI of a PNG."""
  file = io.BytesIO()
  Image.fromarray(picture).save(file, format='PNG', optimize=True)
  return 'data:image/png;base64,' + base64.b64encode(file.getvalue()).decode()


def from_data_uri(uri: str) -> np.ndarray:
  """The inverse of `data_uri`."""
  return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(',')[2]))).convert('RGB'))
