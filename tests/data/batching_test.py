import numpy as np
import pytest

from jaxgen import data
from jaxgen.data.source import Source, from_arrays
from jaxgen.errors import UserError
from jaxgen.types import Field

SPEC = {'x': Field('vector', (1,), 0), 'label': Field('label', (), 30)}


@pytest.fixture(scope='module')
def numbers():
  """Thirty examples that are their own index."""
  x = np.arange(30, dtype=np.float32)[:, None]
  return from_arrays('numbers', SPEC, {'x': x, 'label': np.arange(30, dtype=np.uint8)})


def test_the_batches_of_steps(numbers):
  found = list(data.batches(numbers, 5, 3, 12, 8))
  assert len(found) == 9
  for step, batch in zip(range(3, 12), found, strict=True):
    np.testing.assert_array_equal(batch['label'], data.batch_indices(5, step, 30, 8))
    np.testing.assert_array_equal(batch['x'][:, 0], batch['label'])


def test_no_steps(numbers):
  assert list(data.batches(numbers, 0, 4, 4, 8)) == []


def test_slices_make_the_whole(numbers):
  parts = [list(data.batches(numbers, 0, 0, 5, 12, process, 3)) for process in range(3)]
  for step, slices in enumerate(zip(*parts, strict=True)):
    assert all(len(part['x']) == 4 for part in slices)
    together = np.concatenate([part['label'] for part in slices])
    np.testing.assert_array_equal(together, data.batch_indices(0, step, 30, 12))


def test_batch_that_does_not_divide(numbers):
  with pytest.raises(UserError, match='batch_size=8 .* 3 processes'):
    data.batches(numbers, 0, 0, 1, 8, 0, 3)


def test_reading_fails_with_its_sentence():
  def read(indices):
    raise UserError('The file is gone.')

  with pytest.raises(UserError, match='The file is gone.'):
    list(data.batches(Source('broken', SPEC, 30, read), 0, 0, 3, 4))


@pytest.mark.parametrize('batch_size', [1, 7, 10, 30, 64])
def test_evaluation_sees_each_example_once(numbers, batch_size):
  seen = []
  for batch, mask in data.eval_batches(numbers, batch_size):
    assert batch['x'].shape == (batch_size, 1)
    assert mask.shape == (batch_size,)
    assert mask.dtype == np.float32
    assert set(mask) <= {0.0, 1.0}
    seen += batch['label'][mask == 1].tolist()
  assert seen == list(range(30))
  np.testing.assert_array_equal(batch['label'][mask == 0], np.arange(batch_size - int(mask.sum())) % 30)
