"""What holds of every sampler; a new one is a row."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgen.samplers as samplers
from jaxgen.samplers import run
from jaxgen.types import Sampler
from tests.samplers.densities import CENTRES, last, point_score, two_modes_score

# To the ends of time and to no noise at all.
LEVELS = np.append(np.geomspace(500.0, 1e-3, 6), 0.0)
NOISY = LEVELS[:-1]


class Row(NamedTuple):
  """A sampler of `score_fn(x, sigma)` for positions like x, and the steps of a whole run; 0 where it has no end."""

  make: Callable[[Callable, jax.Array], Sampler]
  num_steps: int


def over(name: str, **settings) -> Row:
  """A chain over the levels."""
  make = lambda score_fn, x: getattr(samplers, name)(score_fn, LEVELS, **settings)  # noqa: E731
  return Row(make, len(LEVELS) - 1)


def at_one_level(score_fn: Callable) -> Callable:
  """Of the data blurred by 1: for a chain on one density."""
  return lambda x: score_fn(x, jnp.ones(x.shape[0]))


def completed(completion: Callable, **settings) -> Callable:
  """Every second number is observed; one step beyond the end puts it back."""

  def make(score_fn, x):
    observed = jnp.arange(x.size).reshape(x.shape) % 2 == 0
    return completion(samplers.ddpm(score_fn, LEVELS), jnp.ones_like(x), observed, LEVELS, **settings)

  return make


def corrected(score_fn, x):
  predictor, corrector = samplers.euler(score_fn, LEVELS), samplers.langevin_corrector(score_fn)
  return samplers.corrected(predictor, corrector, LEVELS)


def cold(score_fn, x):
  return samplers.at_temperature(lambda score_fn: samplers.ddpm(score_fn, LEVELS), score_fn, 0.25)


def log_density_chain(score_fn, x):
  """Of the same blurred point; MALA takes the slope of a density, and so the score function as a check alone."""
  return samplers.mala(
    lambda x: (score_fn(x, jnp.ones(len(x))) * (x - 2)).reshape(len(x), -1).sum(1) / 2, 0.1
  )


ROWS = {
  'annealed': Row(lambda score_fn, x: samplers.annealed(score_fn, NOISY, 1e-7, 2), 13),
  'at_temperature': Row(cold, 6),
  'clamped': Row(completed(samplers.clamped), 7),
  'corrected': Row(corrected, 6),
  'ddim': over('ddim'),
  'ddim_eta': over('ddim', eta=1.0),
  'ddpm': over('ddpm'),
  'ddpm_large': over('ddpm', data_std=1.0),
  'dpm_solver': over('dpm_solver'),
  'edm': over('edm', churn=2.0, churn_max=50.0, noise_scale=1.007),
  'euler': over('euler'),
  'euler_maruyama': over('euler_maruyama'),
  'heun': over('heun'),
  'langevin': Row(lambda score_fn, x: samplers.langevin(at_one_level(score_fn), 0.1), 0),
  'mala': Row(log_density_chain, 0),
  'ncsnv2': Row(lambda score_fn, x: samplers.ncsnv2(score_fn, NOISY, 1e-7, 2), 13),
  'predictor_corrector': Row(lambda score_fn, x: samplers.predictor_corrector(score_fn, NOISY), 6),
  'resampled': Row(completed(samplers.resampled, jump_length=2, num_resamplings=2), 13),
  'underdamped': Row(lambda score_fn, x: samplers.underdamped(at_one_level(score_fn), 0.1), 0),
}
START = 500.0 * jax.random.normal(jax.random.key(1), (3, 2, 1))


def chain(row: Row, start: jax.Array, score_fn: Callable = point_score) -> jax.Array:
  """All positions of a whole run and of three steps more: f32[steps, B, ...]."""
  trace = lambda state, info: state.position  # noqa: E731
  return run(row.make(score_fn, start), jax.random.key(0), start, (row.num_steps or 4) + 3, trace)[1]


@functools.cache
def compiled(name: str) -> Callable[[jax.Array], jax.Array]:
  return jax.jit(lambda start: chain(ROWS[name], start))


@pytest.mark.parametrize('name', ROWS)
def test_positions_keep_shape_and_type_and_are_numbers_from_one_end_of_time_to_the_other(name):
  for start in (START, START[:1, :, 0]):
    path = compiled(name)(start)
    assert path.shape[1:] == start.shape
    assert path.dtype == jnp.float32
    assert np.isfinite(path).all()


@pytest.mark.parametrize('name', ROWS)
def test_a_score_of_zero_as_of_a_fresh_network_leads_to_numbers(name):
  zero = lambda x, sigma: jnp.zeros_like(x)  # noqa: E731
  assert np.isfinite(jax.jit(lambda start: chain(ROWS[name], start, zero))(START)).all()


@pytest.mark.parametrize('name', [name for name, row in ROWS.items() if row.num_steps])
def test_past_its_end_a_chain_stands_still(name):
  path = compiled(name)(START)
  np.testing.assert_array_equal(path[-3:], np.broadcast_to(path[-4], path[-3:].shape))
  assert np.all(path[0] != path[-1])


@pytest.mark.parametrize('name', ROWS)
def test_compiled_or_not_a_key_gives_one_chain_whose_score_always_sees_noise(name):
  seen = []

  def score_fn(x, sigma):
    assert sigma.shape == x.shape[:1]
    jax.debug.callback(lambda sigma: seen.append(sigma), sigma)
    return point_score(x, sigma)

  np.testing.assert_array_equal(compiled(name)(START), compiled(name)(START))
  np.testing.assert_allclose(chain(ROWS[name], START, score_fn), compiled(name)(START), rtol=1e-4, atol=1e-4)
  jax.effects_barrier()
  assert np.min(seen) > 0


@pytest.mark.parametrize('name', ROWS)
def test_a_score_in_half_precision_leaves_positions_in_single(name):
  half = lambda x, sigma: point_score(x, sigma).astype(jnp.bfloat16)  # noqa: E731
  assert jax.eval_shape(lambda x: chain(ROWS[name], x, half), START).dtype == jnp.float32


WAYS = {
  'corrected': lambda levels: samplers.corrected(
    samplers.euler(two_modes_score, levels), samplers.langevin_corrector(two_modes_score), levels
  ),
  'ddim': lambda levels: samplers.ddim(two_modes_score, levels, 0.5),
  'ddpm': lambda levels: samplers.ddpm(two_modes_score, levels, 1.0),
  'dpm_solver': lambda levels: samplers.dpm_solver(two_modes_score, levels),
  'edm': lambda levels: samplers.edm(two_modes_score, levels, churn=10.0),
  'euler': lambda levels: samplers.euler(two_modes_score, levels),
  'euler_maruyama': lambda levels: samplers.euler_maruyama(two_modes_score, levels),
  'heun': lambda levels: samplers.heun(two_modes_score, levels),
}


@pytest.mark.parametrize('name', WAYS)
def test_both_modes_of_a_mixture_are_drawn_with_their_weights(name):
  levels = samplers.karras_levels(40.0, 0.05, 40)
  end = last(WAYS[name](levels), 40.0 * jax.random.normal(jax.random.key(1), (1000, 2)), 40)
  light = end.sum(1) < 0
  assert float(light.mean()) == pytest.approx(0.2, abs=0.05)  # four standard errors
  for mode, centre in ((end[light], CENTRES[0]), (end[~light], CENTRES[1])):
    np.testing.assert_allclose(mode.mean(0), centre, atol=0.3)
    assert float(mode.std(0).mean()) == pytest.approx(1, abs=0.15)


def test_levels_that_lead_nowhere_are_refused():
  for bad in ([1.0], [1.0, 0.0, 0.5], [1.0, -1.0], [1.0, float('nan')]):
    for name in ('ddim', 'ddpm', 'dpm_solver', 'edm', 'euler', 'euler_maruyama', 'heun'):
      with pytest.raises(ValueError, match='noise'):
        getattr(samplers, name)(point_score, bad)
  for name in ('ddim', 'ddpm', 'dpm_solver', 'edm', 'euler_maruyama'):
    with pytest.raises(ValueError, match='fall'):
      getattr(samplers, name)(point_score, [0.5, 1.0])
