import equinox
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.losses.score import geometric_sigmas
from jaxgen.samplers import annealed, balanced, langevin, ncsnv2, ncsnv2_epsilon, num_annealed_steps, run
from jaxgen.samplers.langevin import LangevinState
from tests.samplers.densities import CENTRES, two_modes_score


def test_annealing_finds_the_weights_of_two_modes_where_plain_langevin_does_not():
  sigmas, steps = geometric_sigmas(20.0, 0.3, 12), 60
  start = jax.random.uniform(jax.random.key(0), (1500, 2), minval=-8.0, maxval=8.0)
  sampler = annealed(two_modes_score, sigmas, 0.1 * 0.3**2, steps)
  plain = langevin(lambda x: two_modes_score(x, jnp.full(x.shape[0], 0.3)), 0.1)

  @jax.jit
  def both():
    num_steps = num_annealed_steps(12, steps)
    return [run(s, jax.random.key(1), start, num_steps)[0].position for s in (sampler, plain)]

  share_annealed, share_plain = [(x.sum(1) < 0).mean() for x in both()]
  assert abs(share_annealed - 0.2) < 0.05
  assert share_plain > 0.35  # half the starts lie nearer to the light mode, and stay


def test_from_one_mode_only_annealing_reaches_the_other():
  start = jnp.broadcast_to(CENTRES[1], (300, 2))
  sampler = annealed(two_modes_score, geometric_sigmas(20.0, 0.3, 8), 0.1 * 0.3**2, 40)
  plain = langevin(lambda x: two_modes_score(x, jnp.full(x.shape[0], 0.3)), 0.1)
  reached, stuck = [
    (run(s, jax.random.key(2), start, num_annealed_steps(8, 40))[0].position.sum(1) < 0).mean()
    for s in (sampler, plain)
  ]
  assert 0.05 < reached < 0.5
  assert stuck == 0


def _point_score(x, sigma):
  """Data at one point, 2: the blurred density is N(2, sigma^2)."""
  return (2.0 - x) / sigma[:, None] ** 2


def test_variances_along_the_chain_and_the_denoising_step():
  sigmas, steps, step_size = jnp.array([4.0, 2.0, 1.0]), 2, 0.5
  sampler = annealed(_point_score, sigmas, step_size, steps)
  num_steps = num_annealed_steps(3, steps)
  start = 2.0 + 4.0 * jax.random.normal(jax.random.key(0), (40_000, 1))
  state, path = run(sampler, jax.random.key(1), start, num_steps + 2, lambda state, _: state.position)
  assert num_steps == 7
  # alpha_i = h sigma_i^2, so that per step V' = (1 - h / 2)^2 V + h sigma_i^2, with h = 0.5.
  variance, expected = 16.0, []
  for sigma in [4.0, 4.0, 2.0, 2.0, 1.0, 1.0]:
    variance = 0.75**2 * variance + 0.5 * sigma**2
    expected.append(variance)
  np.testing.assert_allclose(path[:6].var((1, 2)), expected, rtol=0.04)
  # x + sigma^2 s = 2 exactly; beyond its end the chain stands still.
  np.testing.assert_allclose(path[6], 2.0, atol=1e-5)
  np.testing.assert_array_equal(path[8], path[6])
  assert state.step == 9


def test_without_denoising_the_chain_ends_with_its_last_level():
  sampler = annealed(_point_score, [2.0, 1.0], 0.5, 2, denoise=False)
  _, path = run(sampler, jax.random.key(0), jnp.zeros((3, 1)), 6, lambda state, _: state.position)
  assert num_annealed_steps(2, 2, denoise=False) == 4
  assert np.all(path[3] != path[2])
  np.testing.assert_array_equal(path[4], path[3])
  np.testing.assert_array_equal(path[5], path[3])


# sigma_max, sigma_min, levels, steps per level, standard deviation of the data: of the shipped configs
SHIPPED = {
  'digits': (12.0, 0.05, 19, 5, 0.75),
  'mnist': (30.0, 0.02, 94, 5, 0.6),
  'cifar': (100.0, 0.02, 232, 5, 0.5),
  'toy': (8.0, 0.05, 20, 10, 1.0),
}


def _gaussian_score(std):
  return lambda x, sigma: -x / (std**2 + sigma[:, None] ** 2)


@pytest.mark.parametrize('name', SHIPPED)
@pytest.mark.parametrize('times', [0.1, 0.3, 1.0, 3.0])
def test_balanced_leaves_gaussians_of_any_spread_as_wide_as_they_are(name, times):
  first, last, levels, steps, data_std = SHIPPED[name]
  sigmas = np.geomspace(first, last, levels)
  step_size, temperature = balanced(sigmas, steps, data_std)
  std, variance = times * data_std, first**2
  for sigma in np.repeat(sigmas, steps):
    alpha, blurred = step_size * (sigma / last) ** 2, std**2 + sigma**2
    variance = (1 - alpha / (2 * blurred)) ** 2 * variance + temperature * alpha
  assert np.sqrt(variance / (std**2 + last**2)) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize('name', SHIPPED)
def test_a_balanced_chain_has_the_standard_deviation_of_the_data(name):
  first, last, levels, steps, data_std = SHIPPED[name]
  sigmas = geometric_sigmas(first, last, levels)
  step = balanced(sigmas, steps, data_std)
  sampler = annealed(_gaussian_score(data_std), sigmas, step.step_size, steps, temperature=step.temperature)
  start = first * jax.random.normal(jax.random.key(0), (500, 32))
  num_steps = num_annealed_steps(levels, steps)
  x = jax.jit(lambda: run(sampler, jax.random.key(1), start, num_steps)[0].position)()
  assert float(x.std()) == pytest.approx(data_std, rel=0.02)


def test_balanced_needs_a_spread():
  with pytest.raises(ValueError, match='data_std'):
    balanced([2.0, 1.0], 5, 0.0)


def test_an_equinox_module_is_a_score():
  network = equinox.nn.MLP(3, 2, 8, 1, key=jax.random.key(0))

  def score_fn(x, sigma):
    return jax.vmap(network)(jnp.concatenate([x, sigma[:, None]], axis=1)) / sigma[:, None]

  state, _ = run(annealed(score_fn, [1.0, 0.1], 1e-3, 3), jax.random.key(1), jnp.ones((4, 2)), 7)
  assert state.position.shape == (4, 2)
  assert np.all(np.isfinite(state.position))


def test_the_chain_of_ncsnv2_line_by_line():
  """Song & Ermon 2020, algorithm 1."""
  sigmas, epsilon, rng = np.array([2.0, 1.0, 0.5]), 0.05, jax.random.key(4)
  x = start = jnp.array([[3.0, -1.0]])
  for i in range(6):
    alpha, sigma = epsilon * sigmas[i // 2] ** 2 / sigmas[-1] ** 2, sigmas[i // 2]
    noise = langevin(jnp.zeros_like, 1.0).step(jax.random.fold_in(rng, i), LangevinState(jnp.zeros((1, 2))))[
      0
    ]
    x = x - alpha * x / (0.7**2 + sigma**2) + np.sqrt(2 * alpha) * noise.position
  x = x - 0.5**2 * x / (0.7**2 + 0.5**2)
  found = run(ncsnv2(_gaussian_score(0.7), sigmas, epsilon, 2), rng, start, 7)[0].position
  np.testing.assert_allclose(found, x, rtol=1e-5)


@pytest.mark.parametrize(('sigma_max', 'levels', 'epsilon'), [(50.0, 232, 6.2e-6), (90.0, 500, 3.3e-6)])
def test_the_epsilon_of_ncsnv2_is_the_published_one(sigma_max, levels, epsilon):
  """Of CIFAR-10 and CelebA, 5 steps a level (Song & Ermon 2020, appendix B)."""
  found = ncsnv2_epsilon(np.geomspace(sigma_max, 0.01, levels), 5)
  assert found == pytest.approx(epsilon, rel=0.015)


# Steps per level on the levels of `SHIPPED`, and how much too wide they leave data as wide as a config says.
TOO_WIDE = [
  ('digits', 5, 1.174),
  ('digits', 10, 1.122),
  ('digits', 100, 1.060),
  ('mnist', 5, 1.083),
  ('cifar', 5, 1.067),
]


def _widths(sigmas, steps, eta, std):
  """The standard deviation of Gaussian data over what it should be, at the end of each level of `ncsnv2`."""
  variance, ratios = sigmas[0] ** 2, []
  for sigma in sigmas:
    for _ in range(steps):
      variance = (1 - eta * sigma**2 / (std**2 + sigma**2)) ** 2 * variance + 2 * eta * sigma**2
    ratios.append(np.sqrt(variance / (std**2 + sigma**2)))
  return np.array(ratios)


@pytest.mark.parametrize(('name', 'steps', 'ratio'), TOO_WIDE)
def test_how_much_too_wide_the_step_of_ncsnv2_leaves_data_that_are_no_point(name, steps, ratio):
  first, last, levels, _, std = SHIPPED[name]
  sigmas = np.geomspace(first, last, levels)
  eta = ncsnv2_epsilon(sigmas, steps) / last**2
  widths = _widths(sigmas, steps, eta, std)
  assert widths[-1] == pytest.approx(ratio, abs=1e-3)
  # it is the lag behind the levels, and not where the chain would come to rest
  lag = np.log(sigmas[0] / sigmas[1]) / (steps * eta)
  assert widths[-1] == pytest.approx(1 / np.sqrt(1 - lag), rel=0.015)
  assert _widths(sigmas[-1:], 100_000, eta, std)[0] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize('std', [0.1, 0.75, 3.0])
def test_in_the_limit_of_many_levels_the_lag_is_the_same_at_all_of_them_and_for_data_of_any_spread(std):
  sigmas, lag = np.geomspace(300.0, 0.05, 20_000), 0.2
  widths = _widths(sigmas, 1, np.log(sigmas[0] / sigmas[1]) / lag, std)
  np.testing.assert_allclose(widths[5000:], 1 / np.sqrt(1 - lag), rtol=1e-3)


def test_the_chain_of_ncsnv2_is_as_wide_as_its_law_says_after_its_denoising_step():
  first, last, levels, steps, std = SHIPPED['digits']
  sigmas = np.geomspace(first, last, levels)
  epsilon = ncsnv2_epsilon(sigmas, steps)
  law = _widths(sigmas, steps, epsilon / last**2, std)[-1] * std**2 / np.sqrt(std**2 + last**2)
  start = first * jax.random.normal(jax.random.key(0), (500, 32))
  sampler = ncsnv2(_gaussian_score(std), sigmas, epsilon, steps)
  x = jax.jit(lambda: run(sampler, jax.random.key(1), start, num_annealed_steps(levels, steps))[0].position)()
  assert float(x.std()) == pytest.approx(law, rel=0.02) and law > 1.17 * std
