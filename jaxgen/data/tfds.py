"""The sets of TensorFlow Datasets, read by random access and without TensorFlow."""

import difflib
import os
from pathlib import Path

import numpy as np
import PIL
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.data import cache, images
from jaxgen.data.source import Source
from jaxgen.errors import UserError
from jaxgen.types import Field

_PREPARE = (
  "pip install 'jaxgen[tfds]' && python -c "
  '"import tensorflow_datasets as tfds; '
  "tfds.builder('{name}', file_format='array_record').download_and_prepare()\""
)


def load(config: ConfigDict, name: str, split: str) -> Source:
  """A prepared image set, `tfds:<name>`, from `$TFDS_DATA_DIR` or else `~/tensorflow_datasets`.

  The name is TFDS's own, with configuration and version if need be: `mnist`, `imagenet_resized/32x32`. Sets
  that have no split 'test' are tested on 'validation'; where that is absent too (`lfw_subset64`), the last
  tenth of 'train' is the test split and training sees the rest. The split 'validation' is there where the set
  `has_validation`.

  Raises:
    UserError: if there is no such set, it is not prepared, it cannot be read without TensorFlow, it has no
      images, or they differ in size and `config.image_size` is 0.
  """
  builder, image_size = _open(name), config.image_size
  image, label = _features(builder, name)
  channels = 1 if image.shape[-1] == 1 else 3
  spec = {'x': Field('image', _shape(image, name, channels, image_size), 256)}
  if label:
    spec['label'] = Field('label', (), label.num_classes)
  part = _part(builder.info.splits, name, split)
  records = _records(builder, name, part)
  full_name = builder.info.full_name

  def read(indices):
    try:
      found = records.__getitems__([int(index) for index in indices])
    except RuntimeError as error:
      raise UserError(
        f'{full_name} in {builder.data_dir} cannot be read ({_first_line(error)}); delete that folder and '
        f'prepare the set again: {_PREPARE.format(name=name)}'
      ) from error
    names = [f'{full_name}, {part}, record {index}' for index in indices]
    arrays = {'x': images.decode_all([record['image'] for record in found], names, channels, image_size)}
    if label:
      arrays['label'] = np.array([record['label'] for record in found], fields.dtype(spec['label']))
    return arrays

  key = f'tfds {full_name} {part} {image_size} {PIL.__version__} {cache.fingerprint(Path(builder.data_dir))}'
  return Source(f'{full_name} ({part})', spec, len(records), read, cache_key=key)


def has_validation(name: str) -> bool:
  """Whether the set brings a split 'validation' that does not stand in for its test split.

  Raises:
    UserError: if there is no such set.
  """
  return {'validation', 'test'} <= set(_open(name).info.splits)


def _open(name):
  """The builder of a set, known by its code or by what it wrote to disk."""
  import tensorflow_datasets as tfds

  try:
    return tfds.builder(name, data_dir=os.environ.get('TFDS_DATA_DIR'))
  except tfds.core.registered.DatasetNotFoundError:  # its own message lists hundreds of names
    raise UserError(_not_found(tfds, name)) from None
  except (ValueError, AssertionError, ImportError, OSError, RuntimeError) as error:
    reason = _first_line(error).split('}": ')[-1]  # without the call that TFDS puts in front
    raise UserError(f'tfds:{name} cannot be opened: {reason}') from error


def _not_found(tfds, name):
  folder = _data_dir()
  prepared = [path.name for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
  known = {*tfds.list_builders(with_community_datasets=False), *prepared}
  near = difflib.get_close_matches(name, sorted(known), n=3)
  hint = f'the nearest names are {", ".join(near)}' if near else 'tensorflow.org/datasets/catalog lists them'
  return (
    f'TensorFlow Datasets has no set "{name}", and none is prepared in {folder}; {hint}. '
    'If it lies prepared elsewhere, set TFDS_DATA_DIR to that folder.'
  )


def _features(builder, name):
  """The image feature, and the label feature or None."""
  import tensorflow_datasets as tfds

  features = builder.info.features
  features = dict(features.items()) if isinstance(features, tfds.features.FeaturesDict) else {}
  image = _of_kind(features.get('image'), tfds.features.Image)
  label = _of_kind(features.get('label'), tfds.features.ClassLabel)
  if image is None or image.np_dtype != np.uint8:
    raise UserError(f'tfds:{name} has no 8-bit "image" in its examples; choose a set of images.')
  return image, label if label is not None and label.num_classes else None


def _of_kind(feature, kind):
  return feature if isinstance(feature, kind) else None


def _shape(image, name, channels, image_size):
  if image_size:
    return (image_size, image_size, channels)
  if None in image.shape[:2]:
    raise UserError(
      f'The images of tfds:{name} differ in size; set --config.data.image_size=64, for example.'
    )
  return (*image.shape[:2], channels)


def _part(splits, name, split):
  """What TFDS calls this split: 'train', 'validation', 'test', 'train[:90%]'."""
  if not splits:
    raise UserError(
      f'tfds:{name} is not prepared in {_data_dir()}; prepare it once: {_PREPARE.format(name=name)}'
    )
  if 'train' not in splits:
    raise UserError(
      f'tfds:{name} has no split "train", only {", ".join(sorted(splits))}; choose another set.'
    )
  held_out = next((part for part in ('test', 'validation') if part in splits), None)
  if held_out:
    return held_out if split == 'test' else split
  return 'train[90%:]' if split == 'test' else 'train[:90%]'


def _records(builder, name, part):
  """Random access to the records, with the images still as files."""
  import tensorflow_datasets as tfds

  try:
    return builder.as_data_source(split=part, decoders={'image': tfds.decode.SkipDecoding()})
  except NotImplementedError as error:
    raise UserError(
      f'tfds:{name} is prepared in {builder.data_dir} in a format that only TensorFlow reads; delete that '
      f'folder and prepare it again: {_PREPARE.format(name=name)}'
    ) from error


def _data_dir():
  return Path(os.environ.get('TFDS_DATA_DIR') or '~/tensorflow_datasets').expanduser()


def _first_line(error):
  return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
