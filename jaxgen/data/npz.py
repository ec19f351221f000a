"""Arrays of one's own in an `.npz` file."""

import zipfile
from pathlib import Path

import numpy as np

from jaxgen.data import images, order
from jaxgen.data.source import Source, from_arrays
from jaxgen.errors import UserError
from jaxgen.types import DataSpec

_KEYS = 'x_train, x_test and (optional) label_train, label_test; or x and (optional) label'


def load(name: str, image_size: int, split: str) -> Source:
  """The arrays of a file, `npz:<path>`.

  The file holds `x_train` and `x_test`, and `label_train` and `label_test` where there are classes; or `x`
  and `label`, of which a tenth, chosen at random but always the same, is the test split. Images are
  `uint8[N, H, W]` or `uint8[N, H, W, C]` with C 1 or 3; vectors are `float[N, D]`; labels are integers
  from 0. A number `levels` says how many values a pixel takes, if not 256.

  Raises:
    UserError: if the file is missing or damaged, holds Python objects, or its arrays are of another kind.
  """
  path = Path(name).expanduser()
  file = _read(path)
  parts = _parts(file, path)
  x = {part: _examples(value['x'], path) for part, value in parts.items()}
  if x['train'].shape[1:] != x['test'].shape[1:] or x['train'].dtype != x['test'].dtype:
    raise UserError(f'{path}: x_train and x_test are not alike; give both the same shape and type.')
  levels = _levels(file, x, path)
  classes = 0
  if all('label' in value for value in parts.values()):
    labels = {part: _labels(value['label'], len(x[part]), path) for part, value in parts.items()}
    classes = 1 + max(int(label.max(initial=0)) for label in labels.values())
  if image_size and not levels:
    raise UserError(f'--config.data.image_size is for images, but {path} holds vectors; set it to 0.')
  pixels = images.resize_all(x[split], image_size, levels) if levels else x[split]
  arrays = {'x': pixels, 'label': labels[split]} if classes else {'x': pixels}
  return from_arrays(f'{path} ({split})', DataSpec(pixels.shape[1:], levels, classes), arrays)


def _read(path):
  """All arrays of the file; object arrays, which would have to be unpickled, are refused."""
  try:
    with np.load(path, allow_pickle=False) as file:
      return {key: file[key] for key in file.files}
  except FileNotFoundError as error:
    raise UserError(f'There is no file {path}; set --config.data.name=npz:<path> to one.') from error
  except (OSError, ValueError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
    if 'allow_pickle' in str(error) and zipfile.is_zipfile(path):
      raise UserError(f'{path} holds Python objects, which are not read; save plain arrays.') from error
    raise UserError(f'{path} cannot be read as an .npz file; write it with numpy.savez.') from error


def _parts(file, path):
  """`{'train': {'x': ..., 'label': ...}, 'test': ...}`, the labels where there are any."""
  if 'x_train' in file and 'x_test' in file:
    both = {part: {'x': file[f'x_{part}']} for part in ('train', 'test')}
    if ('label_train' in file) != ('label_test' in file):
      raise UserError(f'{path} has labels for one split only; give label_train and label_test.')
    for part in both:
      if 'label_train' in file:
        both[part]['label'] = file[f'label_{part}']
    return both
  if 'x' not in file or file['x'].ndim == 0:
    found = ', '.join(sorted(file)) or 'nothing'
    raise UserError(f'{path} holds {found}; it needs {_KEYS}.')
  whole = {key: file[key] for key in ('x', 'label') if key in file}
  if 'label' in whole and whole['label'].shape[:1] != whole['x'].shape[:1]:
    raise UserError(
      f'{path}: there are {len(whole["x"])} examples but labels of shape {whole["label"].shape}.'
    )
  return {
    part: {key: value[rows] for key, value in whole.items()}
    for part, rows in hold_out(len(whole['x'])).items()
  }


def hold_out(size: int) -> dict[str, np.ndarray]:
  """A tenth of the places for 'test', the others for 'train': at random, but always the same."""
  shuffled = order.permutation(0, 0, size)
  count = max(1, size // 10)
  return {'train': np.sort(shuffled[count:]), 'test': np.sort(shuffled[:count])}


def _examples(x, path):
  """Images as `uint8[N, H, W, C]`, vectors as `f32[N, D]`."""
  if x.dtype == np.uint8 and x.ndim == 3:
    x = x[..., None]
  if x.dtype == np.uint8 and x.ndim == 4 and x.shape[-1] in (1, 3):
    return x
  if np.issubdtype(x.dtype, np.floating) and x.ndim == 2:
    if not np.isfinite(x).all():
      raise UserError(f'{path}: x holds values that are not finite; remove them.')
    return x.astype(np.float32)
  raise UserError(
    f'{path}: x is {x.dtype}{list(x.shape)}; images are uint8[N, H, W] or uint8[N, H, W, C] with C 1 or 3, '
    'vectors are float[N, D].'
  )


def _labels(label, size, path):
  if label.shape != (size,) or not np.issubdtype(label.dtype, np.integer) or label.min(initial=0) < 0:
    raise UserError(
      f'{path}: labels are integers from 0, one for each example, not {label.dtype}{list(label.shape)}.'
    )
  return label.astype(np.int32)


def _levels(file, x, path):
  """256 or what the file says, for images; 0 for vectors."""
  if x['train'].dtype != np.uint8:
    return 0
  levels = int(file.get('levels', 256))
  top = max(int(value.max(initial=0)) for value in x.values())
  if not top < levels <= 256:
    raise UserError(
      f'{path}: levels is {levels} and the largest pixel {top}; set levels to {top + 1} or more.'
    )
  return levels
