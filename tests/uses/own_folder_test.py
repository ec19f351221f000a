"""A folder of one's own images, translated by what was trained on it."""

import json

import numpy as np
import pytest
from PIL import Image

from jaxgen import train, uses
from tests.contracts.configs import smoke


@pytest.fixture
def images(tmp_path):
  """Two sub-folders of 30 colored images, the second the first inverted."""
  noise = np.random.default_rng(0)
  for index in range(30):
    image = noise.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    for name, pixels in (('a', image), ('b', 255 - image)):
      (tmp_path / 'images' / name).mkdir(parents=True, exist_ok=True)
      Image.fromarray(pixels).save(tmp_path / 'images' / name / f'{index}.png')
  return tmp_path / 'images'


@pytest.mark.parametrize(
  ('name', 'kind', 'numbers'),
  [
    pytest.param(
      'cyclegan_digits', 'domains', ['cycle_error', 'cycle_absolute_error'], marks=pytest.mark.slow
    ),
    ('pix2pix_digits', 'pairs', ['error', 'absolute_error']),
  ],
)
def test_a_folder_of_images_is_translated(images, tmp_path, name, kind, numbers):
  config = smoke(name)
  config.update(dict(steps_per_dispatch=1, num_steps=2, eval_every=0, sample_every=0))
  config.data.update(dict(name=f'{kind}:{images}', twin=(), validation=0.0))
  train.train(config, tmp_path / 'run')
  written = uses.use(tmp_path / 'run', options=uses.Options(use=('translation',), split='train', num=4))
  record = json.loads(written['translation.json'].read_text())
  assert all(0 < record[number] < 1 for number in numbers)
  assert record[numbers[0].replace('error', 'examples')] == 27
  with Image.open(written['translation.png']) as picture:
    assert len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) > 100  # colors of the images
