import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.samplers import run
from jaxgen.samplers.ancestral import ancestral, categorical, truncated

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


MASS = np.array([0.1, 0.4, 0.2, 0.3], np.float32)


@pytest.mark.parametrize(
  ('knobs', 'left'),
  [
    ({}, [0.1, 0.4, 0.2, 0.3]),
    ({'top_k': 2}, [0, 4 / 7, 0, 3 / 7]),
    ({'top_k': 9}, [0.1, 0.4, 0.2, 0.3]),
    ({'top_k': np.int64(2)}, [0, 4 / 7, 0, 3 / 7]),
    ({'top_p': 0.65}, [0, 4 / 7, 0, 3 / 7]),
    ({'top_p': 0.75}, [0, 4 / 9, 2 / 9, 3 / 9]),  # 0.7 of the mass is too little, so one more
    ({'top_p': 0.0}, [0, 1, 0, 0]),
    ({'top_k': 3, 'top_p': 0.7}, [0, 4 / 7, 0, 3 / 7]),  # 7 / 9 of what the three hold
    ({'temperature': 0.5}, np.square(MASS) / 0.3),
    ({'temperature': 0.5, 'top_p': 0.5}, [0, 1, 0, 0]),  # the mode alone has 16 / 30
    ({'temperature': 0.0}, [0, 1, 0, 0]),
  ],
)
def test_what_knobs_leave_of_a_distribution_by_hand(knobs, left):
  for logits in (np.log(MASS), np.log(MASS) + 30):
    found = jax.nn.softmax(truncated(jnp.asarray(logits)[None], **knobs))[0]
    np.testing.assert_allclose(found, left, atol=1e-6)
    traced = jax.jit(truncated)(jnp.asarray(logits)[None], **knobs)
    np.testing.assert_allclose(jax.nn.softmax(traced)[0], left, atol=1e-6)


@pytest.mark.parametrize(
  'knobs',
  [
    *({'top_k': value} for value in (0, 0.0, np.int64(0), jnp.int32(-1), np.nan)),
    *({'temperature': value} for value in (-1, np.float32(-0.5), np.nan)),
    *({'top_p': value} for value in (-0.1, np.float64(1.5), jnp.float32(np.nan))),
  ],
)
def test_a_number_that_leaves_no_distribution_is_refused_whatever_its_type(knobs):
  with pytest.raises(ValueError, match=f'{next(iter(knobs))}=.* must be'):
    truncated(jnp.log(MASS)[None], **knobs)


def test_more_values_than_32_bits_count_are_all_and_fewer_than_one_that_is_traced_is_one():
  logits = jnp.log(MASS)[None]
  np.testing.assert_array_equal(truncated(logits, top_k=10**11, top_p=0.9), truncated(logits, top_p=0.9))
  np.testing.assert_allclose(jax.nn.softmax(jax.jit(truncated)(logits, top_k=0))[0], [0, 1, 0, 0])


def test_of_equals_as_many_are_left_as_were_asked_for():
  left = jnp.isfinite(truncated(jnp.zeros((2, 5)), top_k=3))
  np.testing.assert_array_equal(left, [[True, True, True, False, False]] * 2)


def test_the_log_mass_of_a_draw_is_that_of_what_knobs_left():
  logits = jnp.broadcast_to(jnp.log(MASS), (200, 4))
  value, log_mass = categorical(jax.random.key(0), truncated(logits, top_k=2))
  assert set(np.asarray(value)) == {1, 3}
  np.testing.assert_allclose(np.exp(log_mass), np.where(value == 1, 4 / 7, 3 / 7), rtol=1e-5)


def test_what_is_observed_stays_and_the_rest_is_drawn_as_without_it():
  start = jnp.zeros((30, 2, 2), jnp.int32)
  whole, _ = run(ancestral(_predict, lambda position: 0), jax.random.key(0), start, 4)
  observed = jnp.broadcast_to(jnp.array([[True, True], [False, False]]), start.shape)
  half = jnp.where(observed, whole.position, 0)
  kept = ancestral(_predict, lambda position: 0, observed=observed)
  found, _ = run(kept, jax.random.key(0), half, 4)
  np.testing.assert_array_equal(found.position, whole.position)
  other, _ = run(kept, jax.random.key(1), half, 4)
  np.testing.assert_array_equal(other.position[observed], half[observed])
  assert (other.position != whole.position).any()
