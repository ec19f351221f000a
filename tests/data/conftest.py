"""What the tests of the data layer share: a cache of their own, real sets where there are any, small made ones."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from jaxgen import config


@pytest.fixture(scope='session')
def _cache(tmp_path_factory):
  return tmp_path_factory.mktemp('cache')


@pytest.fixture(autouse=True)
def _own_cache(_cache, monkeypatch):
  monkeypatch.setenv('JAXGEN_CACHE', str(_cache))


@pytest.fixture(scope='session')
def real_sets():
  """The folder of the prepared sets; a test that needs it is skipped where there is none."""
  folder = os.environ.get('TFDS_DATA_DIR')
  if not folder:
    pytest.skip('TFDS_DATA_DIR is not set: the real mnist, cifar10 and lfw_subset64 are not here')
  return folder


@pytest.fixture(scope='session')
def settings():
  """`(name, image_size, validation, **others) -> config.data`; nothing is held out by default."""

  def make(name, image_size=0, validation=0.0, **others):
    made = config.defaults().data
    made.update(dict(name=name, image_size=image_size, validation=validation, **others))
    return made

  return make


@pytest.fixture(scope='session')
def pixels():
  """`(num, height, width, channels) -> uint8[...]`, random."""

  def make(num, height, width, channels=3):
    return np.random.default_rng(0).integers(0, 256, (num, height, width, channels), dtype=np.uint8)

  return make


@pytest.fixture(scope='session')
def write_image():
  """`(path, uint8[H, W, C])`: writes an image file, and the folders above it."""

  def write(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    _image(array).save(path)

  return write


@pytest.fixture(scope='session')
def prepare():
  """Writes a small set as tensorflow-datasets does, without TensorFlow: images with labels 0, 1, 2, 0, ..."""
  import tensorflow_datasets as tfds
  from array_record.python.array_record_module import ArrayRecordWriter

  def write(root, name, shape, splits, suffix='array_record'):
    folder = root / name / '1.0.0'
    folder.mkdir(parents=True)
    features = tfds.features.FeaturesDict(
      {'image': tfds.features.Image(shape=shape), 'label': tfds.features.ClassLabel(num_classes=3)}
    )
    serializer = tfds.core.example_serializer.ExampleSerializer(features.get_serialized_info())
    infos = []
    for split, arrays in splits.items():
      path = folder / f'{name}-{split}.{suffix}-00000-of-00001'
      writer = ArrayRecordWriter(str(path), 'group_size:1')
      for index, array in enumerate(arrays):
        writer.write(serializer.serialize_example({'image': _png(array), 'label': index % 3}))
      writer.close()
      template = tfds.core.ShardedFileTemplate(
        data_dir=folder, dataset_name=name, split=split, filetype_suffix=suffix
      )
      infos.append(
        tfds.core.SplitInfo(
          name=split,
          shard_lengths=[len(arrays)],
          num_bytes=path.stat().st_size,
          filename_template=template,
        )
      )
    tfds.folder_dataset.write_metadata(
      data_dir=folder, features=features, split_infos=infos, check_data=False
    )
    return folder

  return write


def _image(array):
  return Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)


def _png(array):
  buffer = io.BytesIO()
  _image(array).save(buffer, 'PNG')
  return buffer.getvalue()
