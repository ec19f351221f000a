import itertools

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.samplers import run
from jaxgen.samplers.ancestral import ancestral

TABLE = jax.random.normal(jax.random.key(1), (4, 4, 3))  # [entry, entry, value]


def _predict(position, index, cache):
  """A little Markov field: the entries before `index` add up rows of a table."""
  flat = position.reshape(position.shape[0], -1)
  weights = jnp.where(jnp.arange(4) < index, flat + 1.0, 0.0)  # [B, 4]
  return weights @ TABLE[index] + TABLE[index, index], cache + 1


def _log_mass(x):
  total = 0
  for index in range(4):
    logits, _ = _predict(x, index, 0)
    total += jnp.take_along_axis(jax.nn.log_softmax(logits), x.reshape(-1, 4)[:, index, None], 1)[:, 0]
  return total


def test_one_step_fills_one_position():
  sampler = ancestral(_predict, lambda position: jnp.zeros((), jnp.int32))
  start = jnp.full((5, 2, 2, 1), 9, jnp.uint8)
  state, trace = run(sampler, jax.random.key(0), start, 4, lambda state, info: state.position)
  filled = (trace.reshape(4, 5, 4) < 9).sum(-1)
  np.testing.assert_array_equal(filled, np.broadcast_to(np.arange(1, 5)[:, None], (4, 5)))
  np.testing.assert_array_equal(trace[-1], state.position)
  assert state.position.dtype == jnp.uint8
  assert state.cache == state.index == 4


def test_samples_follow_the_distribution_and_report_their_log_mass():
  num = 40000
  sampler = ancestral(_predict, lambda position: 0)
  state, info = run(sampler, jax.random.key(0), jnp.zeros((num, 2, 2), jnp.int32), 4)
  everything = jnp.array(list(itertools.product(range(3), repeat=4))).reshape(-1, 2, 2)
  mass = np.exp(_log_mass(everything))
  np.testing.assert_allclose(mass.sum(), 1.0, rtol=1e-5)
  codes = np.asarray(state.position).reshape(num, 4) @ [27, 9, 3, 1]
  counts = np.bincount(codes, minlength=81)
  expected = num * mass
  usual = expected > 5
  chi_square = np.sum((counts - expected)[usual] ** 2 / expected[usual])
  degrees = usual.sum() - 1
  assert chi_square < degrees + 4 * np.sqrt(2 * degrees)
  np.testing.assert_allclose(info.log_prob.sum(0), _log_mass(state.position), atol=1e-4)
