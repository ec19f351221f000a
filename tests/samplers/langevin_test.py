import equinox
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.samplers import langevin, run

MEAN = 3.0


def _gaussian_score(variance):
  return lambda x: (MEAN - x) / variance


@pytest.mark.parametrize(
  'step_size, temperature, variance', [(1.0, 1.0, 1.0), (0.1, 1.0, 1.0), (2.0, 0.5, 1.0), (1.0, 1.0, 4.0)]
)
def test_stationary_distribution_with_the_bias_of_the_discretization(step_size, temperature, variance):
  # x' - m = (1 - h / 2v) (x - m) + sqrt(h T) z has the variance V = h T / (1 - (1 - h / 2v)^2)
  # = v T / (1 - h / 4v): 4/3 of the truth at h = v, not the truth.
  stationary = variance * temperature / (1 - step_size / (4 * variance))
  sampler = langevin(_gaussian_score(variance), step_size, temperature)
  num_steps = int(np.ceil(-8 / np.log((1 - step_size / (2 * variance)) ** 2 + 1e-9)))
  state, _ = jax.jit(lambda: run(sampler, jax.random.key(0), jnp.full((20_000,), MEAN + 1), num_steps))()
  np.testing.assert_allclose(state.position.mean(), MEAN, atol=5 * np.sqrt(stationary / 20_000) + 0.02)
  np.testing.assert_allclose(state.position.var(), stationary, rtol=0.05)


def test_temperature_zero_is_gradient_ascent():
  score_fn = _gaussian_score(2.0)
  sampler = langevin(score_fn, 0.5, temperature=0.0)
  state, info = run(sampler, jax.random.key(0), jnp.array([1.0, -1.0]), 3)
  # x' - m = (1 - 0.25 / 2) (x - m)
  np.testing.assert_allclose(state.position, MEAN + 0.875**3 * np.array([-2.0, -4.0]), rtol=1e-6)
  # The score at the start is (1, 2).
  np.testing.assert_allclose(info.score_rms[0], np.sqrt(2.5), rtol=1e-6)


def test_positions_are_pytrees_with_noise_of_their_own():
  position = {'a': jnp.zeros((500, 2)), 'b': jnp.zeros((500, 2))}
  sampler = langevin(lambda p: jax.tree.map(jnp.zeros_like, p), 0.25)
  state, _ = sampler.step(jax.random.key(0), sampler.init(position))
  a, b = state.position['a'], state.position['b']
  np.testing.assert_allclose([a.std(), b.std()], [0.5, 0.5], rtol=0.1)
  assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.2


def test_an_equinox_module_is_a_score():
  network = equinox.nn.MLP(2, 2, 8, 1, key=jax.random.key(0))

  @equinox.filter_jit
  def sample(network, start):
    return run(langevin(jax.vmap(network), 0.1), jax.random.key(1), start, 5)[0].position

  position = sample(network, jnp.ones((4, 2)))
  assert position.shape == (4, 2)
  assert np.all(np.isfinite(position))
