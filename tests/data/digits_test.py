import numpy as np
from sklearn.datasets import load_digits

from jaxgen import data


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


def test_classes_are_in_proportion(settings):
  counts = [
    np.bincount(data.load(settings('digits'), split).resident()['label']) for split in ('train', 'test')
  ]
  np.testing.assert_allclose(counts[1], sum(counts) / 6, atol=1)
