from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.samplers import ddpm, heun, langevin, resampled, run
from jaxgen.types import Sampler


class CounterState(NamedTuple):
  position: dict
  visits: jax.Array


def _counter():
  """Doubles and adds one; the info is the key's noise."""

  def init(position):
    return CounterState(position, jnp.zeros((), jnp.int32))

  def step(rng, state):
    position = jax.tree.map(lambda p: 2 * p + 1, state.position)
    return CounterState(position, state.visits + 1), jax.random.normal(rng)

  return Sampler(init, step)


def test_iterates_from_the_position_and_stacks_the_infos():
  state, infos = run(_counter(), jax.random.key(0), {'a': jnp.array([0.0, 1.0])}, 3)
  np.testing.assert_array_equal(state.position['a'], [7.0, 15.0])
  assert state.visits == 3
  assert infos.shape == (3,)
  assert len(np.unique(infos)) == 3  # every step has a key of its own


def test_trace_records_what_it_is_asked_for():
  _, path = run(_counter(), jax.random.key(0), jnp.array([0.0]), 3, lambda state, info: state.position)
  np.testing.assert_array_equal(path, [[1.0], [3.0], [7.0]])


def test_a_shorter_run_is_the_beginning_of_a_longer_one():
  sampler, rng, start = _counter(), jax.random.key(1), jnp.zeros(2)
  _, short = run(sampler, rng, start, 2)
  _, long = jax.jit(lambda: run(sampler, rng, start, 5))()
  np.testing.assert_array_equal(short, long[:2])


@pytest.mark.parametrize('num_steps, thin', [(6, 3), (7, 3), (2, 3)])
def test_thinning_records_the_same_chain_backwards_from_its_end(num_steps, thin):
  def chain(thin):
    trace = lambda state, info: (state.position, info)  # noqa: E731
    return run(_counter(), jax.random.key(2), jnp.zeros(2), num_steps, trace, thin=thin)

  (state, every), (thinned_state, some) = chain(1), chain(thin)
  jax.tree.map(np.testing.assert_array_equal, state, thinned_state)
  first = num_steps % thin + thin - 1
  jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[first::thin], b), every, some)
  assert some[1].shape == (num_steps // thin,)


def test_no_steps_is_the_start_and_fewer_is_an_error():
  state, infos = run(_counter(), jax.random.key(0), jnp.ones(2), 0)
  np.testing.assert_array_equal(state.position, jnp.ones(2))
  assert infos.shape == (0,)
  with pytest.raises(ValueError, match='num_steps'):
    run(_counter(), jax.random.key(0), jnp.ones(2), -1)
  with pytest.raises(ValueError, match='thin'):
    run(_counter(), jax.random.key(0), jnp.ones(2), 3, thin=0)


@pytest.mark.parametrize('name', ['langevin', 'heun', 'resampled'])
def test_a_thousand_steps_take_the_memory_of_ten(name):
  start = jnp.ones((100, 40))
  score_fn = lambda x, sigma: -x / (1 + sigma[:, None] ** 2)  # noqa: E731

  def memory(num_steps, **trace):
    levels = np.linspace(10.0, 0.0, num_steps // 5 + 1 if name == 'resampled' else num_steps + 1)
    sampler = {
      'langevin': lambda: langevin(lambda x: -x, 0.1),
      'heun': lambda: heun(score_fn, levels),
      'resampled': lambda: resampled(ddpm(score_fn, levels), start, start > 0, levels, num_resamplings=5),
    }[name]()

    def chain(x):
      state, records = run(sampler, jax.random.key(0), x, num_steps, **trace)
      return (state, records) if trace else state

    return jax.jit(chain).lower(start).compile().memory_analysis()

  few, many = memory(10), memory(1000)
  # But for the levels themselves: 4 bytes a step.
  assert many.temp_size_in_bytes <= few.temp_size_in_bytes + 4 * 1000
  assert many.output_size_in_bytes == few.output_size_in_bytes
  recorded = memory(1000, trace=lambda state, info: state.position)
  assert recorded.output_size_in_bytes > 1000 * start.nbytes
