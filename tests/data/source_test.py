import numpy as np

from jaxgen.data import source
from jaxgen.types import Field


def test_large_sets_are_not_resident():
  size = source.RESIDENT_BYTES // 3072
  for more, resident in ((0, True), (1, False)):
    spec = {'x': Field('image', (32, 32, 3), 256)}
    made = source.Source('large', spec, size + more, read=None, arrays={'x': np.zeros(0)})
    assert (made.resident() is not None) == resident


def test_bytes_count_the_type():
  def read(indices):
    return {'x': np.zeros((len(indices), 2), np.float32)}

  vectors = source.Source('vectors', {'x': Field('vector', (2,), 0)}, 10, read)
  assert vectors.nbytes == 80
  assert vectors.resident()['x'].shape == (10, 2)
