"""The slots of a score model beside its sampler: paths, parameterizations and weightings, each with each."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.families.score import PARAMETERIZATIONS, PATHS, WEIGHTINGS
from jaxgen.families.score.frames import exploding, preserving, straight, sub_preserving
from jaxgen.families.score.parameterizations import converted, preconditioned
from jaxgen.families.score.paths import linear_sigmas, variance_exploding, variance_preserving
from jaxgen.losses.score import denoising_error

FRAMES = {each.__name__: each() for each in (exploding, preserving, straight, sub_preserving)}
# Each path of `PATHS` at continuous times, and at levels where it has some.
CASES = {
  'variance_exploding': ('variance_exploding', dict(sigma_max=50.0, sigma_min=0.01)),
  'variance_exploding at levels': ('variance_exploding', dict(sigma_max=50.0, sigma_min=0.01, num_levels=10)),
  'variance_preserving': ('variance_preserving', {}),
  'variance_preserving at levels': ('variance_preserving', dict(num_levels=1000)),
  'cosine': ('cosine', {}),
  'cosine at levels': ('cosine', dict(num_levels=1000)),
  'sub_variance_preserving': ('sub_variance_preserving', {}),
  'edm': ('edm', {}),
  'rectified_flow': ('rectified_flow', {}),
  'rectified_flow of logit-normal times': ('rectified_flow', dict(times='logit_normal')),
}
CONTINUOUS = [name for name in CASES if not name.endswith('at levels')]


def path_of(case):
  name, settings = CASES[case]
  return PATHS[name](**settings)


def test_every_path_has_a_case():
  assert {name for name, _ in CASES.values()} == set(PATHS)


@pytest.mark.parametrize('case', CASES)
def test_a_path_falls_from_end_to_end_and_is_drawn_between(case):
  path = path_of(case)
  assert path.sigmas.dtype == np.float32 and np.all(np.diff(path.sigmas) < 0)
  assert path.is_discrete == case.endswith('at levels')
  sigma = path.draw(jax.random.key(0), 4000)
  assert sigma.shape == (4000,) and sigma.dtype == jnp.float32
  assert path.sigmas[-1] * 0.999 <= sigma.min() and sigma.max() <= path.sigmas[0] * 1.001
  levels = path.spaced(5)
  np.testing.assert_allclose(levels[[0, -1]], path.sigmas[[0, -1]], rtol=1e-5)
  assert levels.shape == (5,) and np.all(np.diff(levels) < 0)
  assert jax.jit(lambda: jnp.asarray(path.spaced(3)))().shape == (3,)  # a number of steps is turned there


@pytest.mark.parametrize('case', CONTINUOUS)
def test_log_sigma_is_drawn_by_its_density(case):
  path = path_of(case)
  ends = np.log(path.sigmas[[-1, 0]].astype(np.float64))
  logs = np.linspace(*ends, 200_001)
  density = np.asarray(path.density(jnp.asarray(np.exp(logs))), np.float64)
  assert np.trapezoid(density, logs) == pytest.approx(1, abs=5e-3)
  drawn = np.log(path.draw(jax.random.key(1), 20_000))
  mean, square = (np.trapezoid(density * logs**power, logs) for power in (1, 2))
  assert drawn.mean() == pytest.approx(mean, abs=4 * np.sqrt((square - mean**2) / 20_000) + 5e-3)
  assert (drawn**2).mean() == pytest.approx(square, rel=0.06)


def test_levels_have_the_density_of_the_times_that_they_stand_for():
  levels, times = path_of('variance_preserving at levels'), path_of('variance_preserving')
  sigma = jnp.array([0.05, 0.5, 5.0, 50.0])
  np.testing.assert_allclose(levels.density(sigma), times.density(sigma), rtol=0.02)
  np.testing.assert_allclose(
    path_of('variance_exploding at levels').density(sigma[:2]), 9 / (10 * np.log(5000.0)), rtol=1e-4
  )


def test_levels_of_paths_by_hand():
  # half-way: alpha_bar of the two schedules of equal variance, sigma^2 = 1 / alpha_bar - 1
  half = lambda case: path_of(case).spaced(3)[1]  # noqa: E731
  assert half('variance_exploding') == pytest.approx(np.sqrt(50 * 0.01))
  alpha_bar = np.exp(-(0.1 * 0.500005 + 19.9 * 0.500005**2 / 2))
  assert half('variance_preserving') == pytest.approx(np.sqrt(1 / alpha_bar - 1), rel=1e-4)
  middle, turn = (1e-3 + 0.9946) / 2, np.pi / 2 / 1.008
  alpha_bar = (np.cos(turn * (middle + 0.008)) / np.cos(turn * 0.008)) ** 2
  assert half('cosine') == pytest.approx(np.sqrt(1 / alpha_bar - 1), rel=1e-4)
  alpha_bar = np.exp(-(0.1 * 0.5005 + 19.9 * 0.5005**2 / 2))
  assert half('sub_variance_preserving') == pytest.approx((1 - alpha_bar) / np.sqrt(alpha_bar), rel=1e-4)
  assert half('edm') == pytest.approx(((80 ** (1 / 7) + 0.002 ** (1 / 7)) / 2) ** 7)
  assert half('rectified_flow') == pytest.approx(1)


def test_the_levels_of_two_schedules():
  # Ho et al. 2020: 1000 steps leave a share of 4e-5 of the variance
  sigmas = linear_sigmas()
  assert sigmas.shape == (1000,) and np.all(np.diff(sigmas) < 0)
  np.testing.assert_allclose(1 / (1 + sigmas[0] ** 2), 4.04e-5, rtol=0.01)
  np.testing.assert_allclose(sigmas[-1] ** 2, 1e-4 / (1 - 1e-4), rtol=1e-3)
  np.testing.assert_allclose(path_of('variance_preserving at levels').sigmas, sigmas, rtol=1e-3)
  # Nichol & Dhariwal 2021: the first beta is 1 - f(1 / T) / f(0), the last is cut at 0.999
  cosine = path_of('cosine at levels').sigmas
  assert cosine[-1] ** 2 == pytest.approx(4.13e-5, rel=0.01)
  assert (1 + cosine[0] ** 2) / (1 + cosine[1] ** 2) == pytest.approx(1000, rel=0.01)


def test_scales_by_hand():
  sigma = jnp.array([0.1, 1.0, 30.0])
  np.testing.assert_array_equal(FRAMES['exploding'].scale(sigma), 1)
  np.testing.assert_allclose(FRAMES['preserving'].scale(sigma) ** 2 * (1 + sigma**2), 1, rtol=1e-5)
  scale = FRAMES['sub_preserving'].scale(sigma)
  np.testing.assert_allclose(scale * sigma, 1 - scale**2, rtol=1e-5)  # Song et al. 2021, equation 29
  scale = FRAMES['straight'].scale(sigma)
  np.testing.assert_allclose(scale * sigma, 1 - scale, rtol=1e-5)


@pytest.mark.parametrize('frame', FRAMES)
def test_a_velocity_is_the_motion_of_the_path(frame):
  """`d (scale, scale sigma)`, in whatever time, is in the direction of `(-b, a)`."""
  frame = FRAMES[frame]
  sigma = jnp.array([0.05, 0.5, 1.0, 4.0])
  down = jax.vmap(jax.grad(lambda s: frame.scale(s)))(sigma)
  up = jax.vmap(jax.grad(lambda s: frame.scale(s) * s))(sigma)
  a, b = frame.velocity(sigma)
  np.testing.assert_allclose(a * down + b * up, 0, atol=1e-6)
  assert np.all(a * up > 0)


@pytest.mark.parametrize('frame', FRAMES)
@pytest.mark.parametrize('by, to', list(itertools.product(PARAMETERIZATIONS, PARAMETERIZATIONS)))
def test_each_parameterization_converts_into_each_other_exactly(by, to, frame):
  with jax.enable_x64(True):
    by, to = (PARAMETERIZATIONS[name](FRAMES[frame], 0.6) for name in (by, to))
    sigma = jnp.array([0.01, 0.3, 2.0, 60.0])
    x, score = jax.random.normal(jax.random.key(0), (2, 4, 3), jnp.float64)
    said = by.outputs(score, x, sigma)
    np.testing.assert_allclose(to.score(converted(said, x, sigma, by, to), x, sigma), score, rtol=1e-10)
    back = converted(converted(said, x, sigma, by, to), x, sigma, to, by)
    np.testing.assert_allclose(back, said, rtol=1e-10, atol=1e-10)


def test_outputs_are_what_they_are_called():
  """Of `y = x + sigma e`, for the score `-e / sigma` of data at x alone."""
  sigma, x, e = jnp.array([0.5, 2.0]), jnp.array([[1.0], [-3.0]]), jnp.array([[0.7], [0.2]])
  y, score = x + sigma[:, None] * e, -e / sigma[:, None]
  said = lambda name, frame: PARAMETERIZATIONS[name](FRAMES[frame], 0.6).outputs(score, y, sigma)  # noqa: E731
  np.testing.assert_allclose(said('noise', 'straight'), e, rtol=1e-5)
  np.testing.assert_allclose(said('data', 'straight'), x, rtol=1e-5)
  np.testing.assert_allclose(said('velocity', 'straight'), e - x, rtol=1e-5)
  angle = jnp.arctan(sigma)[:, None]
  np.testing.assert_allclose(
    said('velocity', 'preserving'), jnp.cos(angle) * e - jnp.sin(angle) * x, rtol=1e-5
  )
  np.testing.assert_allclose(said('velocity', 'exploding'), e, rtol=1e-5)


def test_the_preconditioning_is_that_of_edm():
  """Karras et al. 2022, equation 7 and table 1: D = c_skip x + c_out F(c_in x), and the score is (D - x) / sigma^2."""
  with jax.enable_x64(True):
    sigma_data, sigma = 0.6, jnp.array([0.01, 0.3, 2.0, 60.0])
    y, said = jax.random.normal(jax.random.key(0), (2, 4, 3), jnp.float64)
    along = sigma[:, None]
    c_skip = sigma_data**2 / (along**2 + sigma_data**2)
    c_out = along * sigma_data / jnp.sqrt(sigma_data**2 + along**2)
    c_in = 1 / jnp.sqrt(along**2 + sigma_data**2)
    ours = preconditioned(sigma_data)
    np.testing.assert_allclose(ours.inputs(y, sigma, jnp.ones(4)), c_in * y, rtol=1e-10)
    denoised = y + along**2 * ours.score(said, y, sigma)
    np.testing.assert_allclose(denoised, c_skip * y + c_out * said, rtol=1e-9)


def test_weightings_by_hand():
  sigma = jnp.array([0.1, 1.0, 3.0])
  weight = lambda name, case: np.asarray(WEIGHTINGS[name](path_of(case), 0.5, 5.0).weight(sigma))  # noqa: E731
  np.testing.assert_allclose(weight('noise', 'edm'), 1)
  np.testing.assert_allclose(weight('min_snr', 'edm'), [0.05, 1, 1], rtol=1e-5)  # min(SNR, 5) / SNR
  # (sigma^2 + 0.25) / (0.5 sigma)^2 of the squared error of the data, which is sigma^2 times that of the noise
  np.testing.assert_allclose(weight('preconditioned', 'edm'), [1.04, 5, 37], rtol=1e-5)
  np.testing.assert_allclose(weight('velocity', 'rectified_flow'), [1.21, 4, 16], rtol=1e-5)
  np.testing.assert_allclose(weight('velocity', 'cosine'), [1.01, 2, 10], rtol=1e-5)
  # g^2 of the score's squared error: of noise whose log is uniform the same everywhere
  np.testing.assert_allclose(weight('likelihood', 'variance_exploding'), 2 * np.log(5000.0), rtol=1e-5)
  t = sigma / (1 + sigma)
  np.testing.assert_allclose(weight('likelihood', 'rectified_flow'), 2 * 0.998 / (t * (1 - t)), rtol=1e-4)
  # beta(t) / (1 - alpha_bar), at the time when B(t) = log(1 + sigma^2)
  beta = np.sqrt(0.1**2 + 2 * 19.9 * np.log1p(sigma**2))
  np.testing.assert_allclose(
    weight('likelihood', 'variance_preserving'), beta * (1 + sigma**2) / sigma**2, rtol=1e-4
  )


@pytest.mark.parametrize('case', CASES)
def test_nothing_is_no_number_at_either_end_of_time(case):
  """The loss and its gradient, of a network in bfloat16 that says zero and of one that does not."""
  path = path_of(case)
  sigma = jnp.concatenate([path.sigmas[jnp.array([0, 1, -2, -1])], path.draw(jax.random.key(0), 4)])
  x, e = jax.random.normal(jax.random.key(1), (2, len(sigma), 3))
  noisy = x + sigma[:, None] * e

  def losses(weights):
    found = {}
    for name, make in PARAMETERIZATIONS.items():
      slot = make(path.frame, 0.5)
      outputs = (slot.inputs(noisy, sigma, path.scale(sigma)).astype(jnp.bfloat16) @ weights).astype(
        jnp.float32
      )
      error = denoising_error(slot.score(outputs, noisy, sigma), e, sigma)
      for weighting, chosen in WEIGHTINGS.items():
        found[name, weighting] = chosen(path, 0.5, 5.0).weight(sigma) * error
    return found

  for scale in (0.0, 1.0):
    weights = scale * jnp.eye(3, dtype=jnp.bfloat16)
    found = losses(weights)
    gradients = jax.jacrev(lambda w: {name: terms.mean() for name, terms in losses(w).items()})(weights)
    assert len(found) == len(gradients) == len(PARAMETERIZATIONS) * len(WEIGHTINGS)
    for name, terms in found.items():
      assert terms.dtype == jnp.float32 and np.isfinite(terms).all(), name
      assert np.isfinite(gradients[name].astype(jnp.float32)).all(), name


@pytest.mark.parametrize(
  ('name', 'settings', 'words'),
  [
    ('rectified_flow', dict(end=1.0), 'to inf; let it stop before'),
    ('rectified_flow', dict(start=0.0), 'from 0 to'),
    ('rectified_flow', dict(start=0.6, end=0.5), 'ends at noise levels'),
    ('variance_preserving', dict(start=0.0), 'from 0 to'),
    ('variance_preserving', dict(num_levels=20), 'betas must rise within'),
    ('variance_preserving', dict(beta_max=100.0), 'of the data'),
    ('cosine', dict(end=1.0), 'of the data'),
    ('sub_variance_preserving', dict(start=0.0), 'from 0 to'),
    ('variance_exploding', dict(sigma_max=1.0, sigma_min=1.0), 'sigma_max > sigma_min'),
    ('variance_exploding', dict(sigma_max=1e9, sigma_min=1.0), 'ends at noise levels'),
    ('edm', dict(sigma_min=90.0), 'sigma_max > sigma_min'),
    ('edm', dict(mean=20.0), 'only 0.0% lies between'),
  ],
)
def test_a_path_without_an_end_is_refused(name, settings, words):
  with pytest.raises(ValueError, match=words):
    PATHS[name](**settings)


def test_bad_levels_are_refused():
  for sigmas in ([1.0], [1.0, 2.0], [1.0, 0.0]):
    for path in (variance_exploding, variance_preserving):
      with pytest.raises(ValueError, match='falling'):
        path(sigmas)
