import tracemalloc

import numpy as np
import pytest

from jaxgen import data
from jaxgen.data.densities import markov

# It stays with 3/4 and 1/2, so the first state has 2/3 of the time.
TWO = np.array([[0.75, 0.25], [0.5, 0.5]])


def test_two_states_by_hand():
  np.testing.assert_allclose(markov.stationary(TWO), [2 / 3, 1 / 3], rtol=1e-12)
  first = 2 * np.log(2) - 0.75 * np.log(3)
  rate = 2 / 3 * first + 1 / 3 * np.log(2)
  np.testing.assert_allclose(markov.entropy_rate(TWO), rate, rtol=1e-12)
  start = np.log(3) - 2 / 3 * np.log(2)
  np.testing.assert_allclose(markov.entropy(TWO, 5), start + 4 * rate, rtol=1e-12)
  assert markov.entropy_rate(np.array([[0.0, 1.0], [1.0, 0.0]])) == 0


@pytest.mark.parametrize('probabilities', [TWO, markov.transitions(7)], ids=['two', 'seven'])
def test_what_is_drawn_follows_the_chain_and_its_code_length_is_the_entropy(probabilities):
  states = len(probabilities)
  x = markov.drawn(probabilities, 3, 20_000, 12)
  pairs = np.zeros((states, states))
  np.add.at(pairs, (x[:, :-1].reshape(-1), x[:, 1:].reshape(-1)), 1)
  often = pairs.sum(1) > 1000
  found = pairs[often] / pairs[often].sum(1, keepdims=True)
  spread = np.sqrt(probabilities[often] / pairs[often].sum(1, keepdims=True))
  assert (np.abs(found - probabilities[often]) < 5 * spread + 1e-9).all()
  stays = markov.stationary(probabilities)
  for place in (0, 11):  # at both ends
    share = np.bincount(x[:, place], minlength=states) / len(x)
    assert (np.abs(share - stays) < 5 * np.sqrt(stays / len(x))).all()
  log_mass = np.log(stays[x[:, 0]]) + np.log(probabilities[x[:, :-1], x[:, 1:]]).sum(1)
  error = log_mass.std() / np.sqrt(len(x))
  assert abs(-log_mass.mean() - markov.entropy(probabilities, 12)) < 5 * error


def test_each_draw_is_by_the_inverse_distribution_function_of_the_state_before():
  rows = np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0], [0.2, 0.3, 0.5]])
  uniform = np.array([[0.01, 0.49, 0.51, 1 - 2**-53]] * 3).T  # [num, before]
  before = np.broadcast_to(np.arange(3), uniform.shape)
  found = markov.following(rows, before.reshape(-1), uniform.reshape(-1)).reshape(uniform.shape)
  np.testing.assert_array_equal(found, [[0, 2, 0], [0, 2, 1], [1, 2, 2], [1, 2, 2]])


def test_many_sequences_of_many_states_take_the_memory_of_their_tokens():
  chain = markov.transitions(256)
  tracemalloc.start()
  x = markov.drawn(chain, 3, 50_000, 2)
  peak = tracemalloc.get_traced_memory()[1]
  tracemalloc.stop()
  assert peak < 8 * x.nbytes


def test_the_name_says_the_rate_and_a_seed_is_always_the_same(settings):
  source = data.load(settings('markov:300', context=32), 'test')
  rate = markov.entropy_rate(markov.transitions(300)) / np.log(2)
  assert f'{rate:.4f} bits a token' in source.name
  x = source.resident()['x']
  assert x.shape == (8192, 32) and x.dtype == np.int32 and x.max() > 255
  np.testing.assert_array_equal(x, data.load(settings('markov:300', context=32), 'test').resident()['x'])
  other = data.load(settings('markov:300', context=32, validation=0.1), 'validation').resident()['x']
  assert (x != other).any()


def test_a_batch_holds_sequences_of_every_beginning(settings):
  """The order of examples is drawn by a seed too, and by the same one it would sort them."""
  source = data.load(settings('markov:8', context=64), 'train')
  start = source.resident()['x'][:, 0]
  stays = markov.stationary(markov.transitions(8))
  for step in (0, 100, 900):
    share = np.bincount(start[source.indices(0, step, 256)], minlength=8) / 256
    assert (np.abs(share - stays) < 5 * np.sqrt(stays / 256)).all()
