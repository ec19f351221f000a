"""Densities in many dimensions: what they say of themselves, against numerical integrals and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxgen import data
from jaxgen.data import synthetic

NUM = 20_000
SMALL = [f'{family}_{dims}' for family in synthetic.FAMILIES for dims in (6, 21)]


@pytest.fixture(scope='module', params=synthetic.NAMES)
def density(request):
  return synthetic.density(request.param)


@pytest.mark.parametrize('family', synthetic.FAMILIES)
def test_in_the_plane_the_density_sums_to_one(family):
  """And so in any number of dimensions, of which nothing in a family depends on how many there are."""
  plane = synthetic.FAMILIES[family](2)
  step = 0.05
  middles = np.arange(-25, 25, step) + step / 2
  points = np.stack(np.meshgrid(middles, middles, indexing='ij'), -1).astype(np.float32)
  log_prob = np.asarray(jax.jit(plane.log_prob)(points), np.float64)
  assert np.exp(log_prob).sum() * step**2 == pytest.approx(1, abs=1e-3)


def test_the_entropy_is_that_of_the_samples(density):
  """Samples and density are written apart, so that this fails where either of them is wrong."""
  x = density.sample(7, NUM)
  assert x.shape == (NUM, density.dims) and x.dtype == np.float32
  surprise = -np.asarray(jax.jit(density.log_prob)(x), np.float64)
  assert surprise.mean() == pytest.approx(density.entropy, abs=4 * surprise.std() / NUM**0.5)


@pytest.mark.parametrize('name', SMALL)
def test_the_density_is_far_from_a_gaussian(name):
  """Of the same mean and covariance a Gaussian has the largest entropy: how far above is what a model has to learn."""
  density = synthetic.density(name)
  _, log_det = np.linalg.slogdet(np.cov(density.sample(3, NUM), rowvar=False))
  gaussian = density.dims / 2 * np.log(2 * np.pi * np.e) + log_det / 2
  assert gaussian - density.entropy > 0.1 * density.dims


@pytest.mark.parametrize('name', SMALL)
def test_another_seed_is_another_sample(name):
  density = synthetic.density(name)
  np.testing.assert_array_equal(density.sample(1, 50), density.sample(1, 50))
  assert not np.array_equal(density.sample(1, 50), density.sample(2, 50))


def test_most_of_a_coordinate_is_within_the_bound(density):
  assert (np.abs(density.sample(5, NUM)) > density.bound).mean(0).max() < 1e-2


@pytest.mark.parametrize('name', SMALL)
def test_gradients_are_finite_far_in_the_tails(name):
  density = synthetic.density(name)
  points = jnp.concatenate([density.sample(0, 20), 1e3 * density.sample(1, 20)])
  gradients = jax.jit(jax.grad(lambda x: density.log_prob(x).sum()))(points)
  assert np.isfinite(gradients).all()


def test_a_mixture_of_one_is_a_gaussian():
  one = synthetic.mixture(4, components=1)
  x = one.sample(3, 200_000)
  gaussian = stats.multivariate_normal(x.mean(0), np.cov(x, rowvar=False))
  np.testing.assert_allclose(jax.jit(one.log_prob)(x[:50]), gaussian.logpdf(x[:50]), atol=0.1)


def test_a_copula_has_normal_scores_and_its_marginals_are_as_they_say():
  """The first has heavy tails, the second an empty middle, the third a skew; each is a map of a standard normal."""
  x = synthetic.density('copula_6').sample(3, 100_000)
  heavy, two, skewed = x[:, 0], x[:, 1], x[:, 2]
  assert stats.kurtosis(heavy) > 2
  assert np.histogram(two, [-0.25, 0.25])[0][0] < 0.3 * np.histogram(two, [1.15, 1.65])[0][0]
  assert stats.skew(skewed) > 1
  # the maps are odd but for the skew: P(x_1 < sinh(asinh(1) / 0.6)) = P(z < 1)
  assert (heavy < np.sinh(np.arcsinh(1) / 0.6)).mean() == pytest.approx(stats.norm.cdf(1), abs=0.005)
  assert (skewed < np.sinh(0.5 / 0.8)).mean() == pytest.approx(0.5, abs=0.008)


def test_a_banana_has_the_entropy_of_a_gaussian():
  assert synthetic.density('banana_8').entropy == pytest.approx(
    stats.multivariate_normal(np.zeros(8)).entropy()
  )


def test_the_splits(settings):
  names = 'train', 'validation', 'test'
  sources = [data.load(settings('synthetic:banana_6', validation=0.1), split) for split in names]
  assert [len(source) for source in sources] == [100_000, 10_000, 10_000]
  assert len({source.examples(np.arange(1))['x'].tobytes() for source in sources}) == 3


def test_the_density_of_a_source(settings):
  assert data.known_density(settings('synthetic:copula_21')) is synthetic.density('copula_21')
  assert data.known_density(settings('toy:rings')).dims == 2
  assert data.known_density(settings('digits')) is None
