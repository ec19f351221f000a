import numpy as np
import pytest

from jaxgen.metrics import storage


def test_a_fingerprint_changes_with_everything_that_it_is_made_of():
  tree = {'a': np.arange(6.0), 'b': (np.int32(3), 'word')}
  variants = [
    tree,
    {'a': np.arange(6.0).reshape(2, 3), 'b': tree['b']},
    {'a': np.arange(6), 'b': tree['b']},
    {'a': np.arange(6.0) + 1e-16 * np.eye(6)[0], 'b': tree['b']},
    {'c': np.arange(6.0), 'b': tree['b']},
    {'a': np.arange(6.0), 'b': (np.int32(3), 'words')},
    {'a': np.arange(6.0), 'b': (np.int32(4), 'word')},
  ]
  found = [storage.fingerprint(v) for v in variants]
  assert len(set(found)) == len(found)
  assert storage.fingerprint({'b': tree['b'], 'a': np.arange(6.0)}) == found[0]


def test_parts_that_are_on_disk_are_not_computed_again(tmp_path):
  calls = []

  def compute(index):
    calls.append(index)
    if index == 3 and len(calls) < 6:
      raise KeyboardInterrupt
    return {'x': np.full((2, 2), index), 'y': np.arange(2) + index}

  with pytest.raises(KeyboardInterrupt):
    storage.joined(storage.resumable(tmp_path, 'part', 5, compute), 9)
  assert calls == [0, 1, 2, 3]
  calls += [None, None]
  (tmp_path / 'part_00001.npz').write_bytes((tmp_path / 'part_00001.npz').read_bytes()[:-30])  # damaged
  (tmp_path / 'part_00002.npz.tmp').write_bytes(b'half')
  whole = storage.joined(storage.resumable(tmp_path, 'part', 5, compute), 9)
  assert calls[6:] == [1, 3, 4]
  np.testing.assert_array_equal(whole['x'][:, 0], [0, 0, 1, 1, 2, 2, 3, 3, 4])
  np.testing.assert_array_equal(whole['y'], [0, 1, 1, 2, 2, 3, 3, 4, 4])
