import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from jaxgen import data
from jaxgen.data import toy

CELLS = 240  # a side of the grid: a multiple of the checkerboard's cells, fine against every blur


@pytest.fixture(scope='module', params=toy.DENSITIES)
def density(request):
  return toy.DENSITIES[request.param]


@pytest.fixture(scope='module')
def grid(density):
  """The middles of the cells of a grid, `f32[CELLS, CELLS, 2]`, the log-density there in float64, a cell's area."""
  step = 2 * density.bound / CELLS
  places = (np.arange(CELLS) + 0.5) * step - density.bound
  points = np.stack(np.meshgrid(places, places, indexing='ij'), -1).astype(np.float32)
  return points, np.asarray(jax.jit(density.log_prob)(points), np.float64), step**2


def test_the_density_sums_to_one(grid):
  _, log_prob, area = grid
  assert np.exp(log_prob).sum() * area == pytest.approx(1, abs=1e-5)


def test_the_entropy(density, grid):
  _, log_prob, area = grid
  covered = log_prob[np.isfinite(log_prob)]
  entropy = -np.sum(np.exp(covered) * covered) * area
  assert density.entropy == pytest.approx(entropy, abs=2e-5)


def test_samples_have_the_entropy(density):
  x = density.sample(7, 100_000)
  assert x.shape == (100_000, 2)
  assert x.dtype == np.float32
  surprise = -np.asarray(jax.jit(density.log_prob)(x), np.float64)
  assert np.isfinite(surprise).all()
  assert surprise.mean() == pytest.approx(density.entropy, abs=max(1e-6, 4 * surprise.std() / 100_000**0.5))


def test_samples_lie_where_the_density_says(density, grid):
  """Chi-square of the samples in 24 x 24 squares against the mass that the density has there."""
  _, log_prob, area = grid
  mass = (np.exp(log_prob) * area).reshape(24, CELLS // 24, 24, CELLS // 24).sum((1, 3)).ravel()
  x = density.sample(11, 100_000)
  edges = np.linspace(-density.bound, density.bound, 25)
  counts = np.histogram2d(x[:, 0], x[:, 1], bins=[edges, edges])[0].ravel()
  assert counts[mass < 1e-7].sum() <= 5
  enough = 100_000 * mass > 5
  observed = np.append(counts[enough], counts[~enough].sum())
  expected = np.append(100_000 * mass[enough], 100_000 - (100_000 * mass[enough]).sum())
  statistic = np.sum((observed - expected) ** 2 / np.maximum(expected, 1))
  assert stats.chi2.sf(statistic, len(observed) - 1) > 1e-3


def test_another_seed_is_another_sample(density):
  np.testing.assert_array_equal(density.sample(1, 50), density.sample(1, 50))
  assert not np.array_equal(density.sample(1, 50), density.sample(2, 50))


def test_finite_gradients(density):
  points = jnp.array([[0.0, 0.0], [0.3, -0.2], [2.0, 1.0]])
  gradients = jax.jit(jax.grad(lambda x: density.log_prob(x).sum()))(points)
  assert np.isfinite(gradients).all()


def test_modes(density):
  if density.modes is None:
    assert density.mode_std == 0
    return
  x = density.sample(0, 20_000)
  distances = np.linalg.norm(x[:, None] - density.modes, axis=-1)
  counts = np.bincount(distances.argmin(1), minlength=len(density.modes))
  np.testing.assert_allclose(counts, 20_000 / len(counts), rtol=0.2)
  # the distance from a round Gaussian's centre is Rayleigh distributed
  assert (distances.min(1) < 2 * density.mode_std).mean() == pytest.approx(1 - np.exp(-2), abs=0.01)


def test_eight_gaussians_against_scipy():
  points = np.array([[2.0, 0.0], [0.0, 0.0], [1.2, 1.5], [-3.0, 2.0]])
  angles = 2 * np.pi * np.arange(8) / 8
  components = [stats.multivariate_normal([2 * np.cos(a), 2 * np.sin(a)], 0.04) for a in angles]
  expected = np.log(np.mean([component.pdf(points) for component in components], axis=0))
  np.testing.assert_allclose(
    jax.jit(toy.DENSITIES['eight_gaussians'].log_prob)(jnp.array(points)), expected, rtol=2e-5
  )


def test_rings_against_scipy():
  """The radius is Rice distributed, and the density is the radius's by the circumference."""
  radius = np.array([0.2, 0.52, 0.75, 1.4, 2.3])
  components = [stats.rice(r / 0.08, scale=0.08) for r in (0.5, 1.0, 1.5, 2.0)]
  expected = np.log(
    np.mean([component.pdf(radius) for component in components], axis=0) / (2 * np.pi * radius)
  )
  points = jnp.stack([0.6 * radius, 0.8 * radius], -1)
  np.testing.assert_allclose(jax.jit(toy.DENSITIES['rings'].log_prob)(points), expected, rtol=2e-4)


def test_two_moons_are_blurred_arcs():
  """Against the integral over the arcs themselves, of which the mixture has 64 points."""

  def density(x, y):
    def along(angle):
      near = 0.0
      for sign in (1, -1):
        dx, dy = x - sign * (np.cos(angle) - 0.5), y - sign * (np.sin(angle) - 0.25)
        near += np.exp(-(dx**2 + dy**2) / 0.02) / (2 * np.pi * 0.01)
      return near / (2 * np.pi)

    return integrate.quad(along, 0, np.pi, epsabs=1e-10)[0]

  points = [(0.5, -0.25), (-0.5, 0.75), (0.2, 0.45), (-0.9, 0.6)]
  found = np.exp(jax.jit(toy.DENSITIES['two_moons'].log_prob)(jnp.array(points)))
  np.testing.assert_allclose(found, [density(*point) for point in points], rtol=1e-4)


def test_checkerboard_is_uniform_on_every_other_cell():
  board = toy.DENSITIES['checkerboard']
  points = jnp.array([[-1.5, -1.5], [-1.5, -0.5], [0.5, 0.5], [1.5, 0.5], [2.5, 0.5], [-2.5, -2.5]])
  expected = [-np.log(8), -np.inf, -np.log(8), -np.inf, -np.inf, -np.inf]
  np.testing.assert_allclose(jax.jit(board.log_prob)(points), expected, rtol=1e-6)
  assert board.entropy == pytest.approx(np.log(8))


def test_the_splits(settings):
  names = 'train', 'validation', 'test'
  sources = [data.load(settings('toy:rings', validation=0.1), split) for split in names]
  assert [len(source) for source in sources] == [50_000, 10_000, 10_000]
  assert len({source.examples(np.arange(1))['x'].tobytes() for source in sources}) == 3
