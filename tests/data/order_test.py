import numpy as np
import pytest

from jaxgen import data
from jaxgen.data import order
from jaxgen.data.densities import synthetic, toy


def test_every_epoch_is_a_permutation():
  sequence = np.concatenate([data.batch_indices(3, step, 50, 7) for step in range(50)])
  epochs = sequence.reshape(7, 50)
  for epoch in epochs:
    assert sorted(epoch) == list(range(50))
  assert len({tuple(epoch) for epoch in epochs}) == 7


@pytest.mark.parametrize('batch_size', [1, 7, 50, 128])
def test_a_step_is_its_place_in_the_sequence(batch_size):
  size, steps = 50, 30
  epochs = -(-steps * batch_size // size)
  sequence = np.concatenate([order.permutation(3, epoch, size) for epoch in range(epochs)])
  for step in reversed(range(steps)):
    order.permutation.cache_clear()
    found = data.batch_indices(3, step, size, batch_size)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, sequence[step * batch_size : (step + 1) * batch_size])


def test_seeds_differ():
  assert not np.array_equal(data.batch_indices(0, 0, 1000, 64), data.batch_indices(1, 0, 1000, 64))
  assert len(data.batch_indices(-1, 0, 1000, 64)) == 64


def test_far_steps():
  assert sorted(data.batch_indices(0, 2**31, 64, 64)) == list(range(64))
  assert len(data.batch_indices(0, np.int32(2**31 - 1), 50_000, 512)) == 512


def test_the_order_is_uniform():
  """Each example is equally often first: chi-square with 9 degrees of freedom."""
  firsts = np.bincount([order.permutation(0, epoch, 10)[0] for epoch in range(2000)], minlength=10)
  assert ((firsts - 200) ** 2 / 200).sum() < 27.9  # p = 0.001


def test_the_order_is_for_ever():
  """Checkpoints rely on it: the same on every machine, in every version of NumPy."""
  assert order.permutation(0, 0, 8).tolist() == [0, 2, 1, 5, 4, 3, 6, 7]
  assert not order.permutation(0, 0, 8).flags.writeable


def test_streams_differ_and_the_first_is_what_it_always_was():
  np.testing.assert_array_equal(data.batch_indices(3, 4, 50, 7), data.batch_indices(3, 4, 50, 7, stream=0))
  assert not np.array_equal(data.batch_indices(3, 4, 50, 7), data.batch_indices(3, 4, 50, 7, stream=1))
  assert sorted(order.permutation(0, 0, 8, 1)) == list(range(8))


@pytest.mark.parametrize(
  'name',
  [
    *(f'toy:{name}' for name in toy.DENSITIES),
    *(f'synthetic:{family}_6' for family in synthetic.FAMILIES),
    'markov:8',
  ],
)
def test_examples_that_are_drawn_do_not_lie_in_an_order_of_theirs(settings, name):
  """Both come of streams with small seeds; of one stream, the order of the first epoch would sort what is drawn."""
  source = data.load(settings(name), 'train')
  x = source.examples(np.arange(len(source)))['x'].reshape(len(source), -1)[:, :6].astype(float)
  for seed in range(3):
    for epoch in range(2):
      places = np.argsort(order.permutation(seed, epoch, len(source)))
      correlations = np.corrcoef(x.T, places)[-1, :-1]
      assert np.abs(correlations).max() * np.sqrt(len(source)) < 4.5  # standard errors
