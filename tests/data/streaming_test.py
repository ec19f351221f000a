"""Sets far larger than memory start at once, and keep memory flat."""

import itertools
import os
import time
from pathlib import Path

import numpy as np
import pytest

from jaxgen import data
from jaxgen.data.source import Source
from jaxgen.types import Field


def megabytes():
  """That this process holds now."""
  return int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 2**20


def test_a_million_examples_are_streamed_without_more_memory():
  """Records that are as sparse as can be: 49 GB of images, each made of its own number."""

  def read(indices):
    return {
      'x': np.broadcast_to(
        (indices % 256).astype(np.uint8)[:, None, None, None], (len(indices), 128, 128, 3)
      ),
      'label': (indices % 10).astype(np.uint8),
    }

  spec = {'x': Field('image', (128, 128, 3), 256), 'label': Field('label', (), 10)}
  source = Source('sparse', spec, 1_000_000, read)
  assert source.nbytes > 4.9e10 and source.resident() is None
  assert data.fingerprint(source)['examples'] == 1_000_000
  begin = time.process_time()
  steps = data.batches(source, 0, 0, 10**6, 64)
  seen = [next(steps)['label']]
  assert time.process_time() - begin < 10
  list(itertools.islice(steps, 20))  # what is read ahead fills its buffers
  before = megabytes()
  seen += [batch['label'] for batch in itertools.islice(steps, 200)]
  assert megabytes() - before < 100  # 200 batches are 630 MB
  np.testing.assert_array_equal(seen[0], data.batch_indices(0, 0, 10**6, 64) % 10)


@pytest.fixture
def many(tmp_path, write_image):
  """`(number, channels) -> folder` of as many links to a few images."""

  def make(number, channels):
    root = tmp_path / f'{number}_{channels}'
    for index in range(number):
      path = root / f'{index % 10}' / f'{index:07}.png'
      if index % 10_000 < 10:
        write_image(path, np.full((8, 8, channels), index % 256, np.uint8))
      else:
        os.link(root / f'{index % 10}' / f'{index // 10_000 * 10_000 + index % 10:07}.png', path)
    return root

  return make


def test_headers_are_read_once_for_all_runs_and_only_until_a_colour_is_found(many, settings, monkeypatch):
  from jaxgen.data import folder, images

  read = []
  header = images.header
  monkeypatch.setattr(images, 'header', lambda path: read.append(path) or header(path))
  monkeypatch.setattr(folder, '_CHUNK', 16)
  root = many(64, 1)
  for _ in range(2):
    folder._scan.cache_clear()  # as another process
    assert data.load(settings(f'folder:{root}'), 'train').spec['x'].shape == (8, 8, 1)
  assert len(read) == 64
  read.clear()
  root = many(64, 3)
  assert data.load(settings(f'folder:{root}', 4), 'train').spec['x'].shape == (4, 4, 3)
  assert len(read) == 16


@pytest.mark.slow
def test_a_folder_of_a_hundred_thousand_files_starts_in_seconds(many, settings):
  config = settings(f'folder:{many(100_000, 3)}', 64, validation=0.1)
  begin, before = time.process_time(), megabytes()
  source = data.load(config, 'train')
  batch = next(data.batches(source, 0, 0, 10, 64))
  assert time.process_time() - begin < 10
  assert batch['x'].shape == (64, 64, 64, 3)
  assert megabytes() - before < 300
