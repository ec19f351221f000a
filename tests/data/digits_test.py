import numpy as np
from sklearn.datasets import load_digits

from jaxgen import data
from jaxgen.data import digits


def test_the_split(settings):
  train, test = (data.load(settings('digits'), split).resident() for split in ('train', 'test'))
  assert (len(train['x']), len(test['x'])) == (1497, 300)
  together = np.concatenate([train['x'], test['x']]).reshape(1797, 64)
  original = load_digits().data
  np.testing.assert_array_equal(np.unique(together, axis=0), np.unique(original, axis=0))
  assert together.max() == 16


def test_labels_belong_to_their_digits(settings):
  original = load_digits()
  known = {
    row.astype(np.uint8).tobytes(): label for row, label in zip(original.data, original.target, strict=True)
  }
  for split in ('train', 'test'):
    arrays = data.load(settings('digits'), split).resident()
    for x, label in zip(arrays['x'], arrays['label'], strict=True):
      assert known[x.tobytes()] == label


def test_without_its_file_scikit_learn_is_asked(monkeypatch, tmp_path):
  from_file = digits._digits.__wrapped__()
  monkeypatch.setattr(digits, '_file_of_scikit_learn', lambda: tmp_path / 'digits.csv.gz')
  for one, other in zip(from_file, digits._digits.__wrapped__(), strict=True):
    np.testing.assert_array_equal(one, other)
    assert one.dtype == other.dtype


def test_scikit_learn_is_not_imported(run_python):
  script = (
    'import sys; from jaxgen import config; from jaxgen.data import load; '
    "load(config.defaults().data, 'train'); print(*sys.modules)"
  )
  modules = run_python('-c', script).stdout.split()
  assert 'jaxgen.data.digits' in modules
  assert 'sklearn' not in modules


def test_classes_are_in_proportion(settings):
  counts = [
    np.bincount(data.load(settings('digits'), split).resident()['label']) for split in ('train', 'test')
  ]
  np.testing.assert_allclose(counts[1], sum(counts) / 6, atol=1)
