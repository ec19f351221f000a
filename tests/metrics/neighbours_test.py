"""Everything that looks for neighbours, against brute force and known cases, whatever the blocks."""

import numpy as np
import pytest

from jaxgen.errors import UserError
from jaxgen.metrics import distances
from jaxgen.metrics.density_coverage import density_coverage
from jaxgen.metrics.distances import blocks, squares
from jaxgen.metrics.nearest_neighbours import memorization, nearest_neighbours
from jaxgen.metrics.precision_recall import precision_recall


def _sets(num=300, others=260, dims=6):
  rng = np.random.default_rng(0)
  return (
    rng.normal(5, 1, (num, dims)).astype(np.float32),
    rng.normal(5.5, 1.2, (others, dims)).astype(np.float32),
  )


def _all_distances(x, y):
  return np.sqrt(((x[:, None].astype(np.float64) - y[None]) ** 2).sum(-1))


def _to(point, x):
  return ((point.astype(np.float64) - x) ** 2).sum(1)


def _radii(x, k):
  return np.sort(_all_distances(x, x) + np.diag(np.full(len(x), np.inf)), axis=1)[:, k - 1]


@pytest.mark.parametrize('block', [128, 256, 2048])
def test_blocks_change_nothing(block):
  real, fake = _sets()
  expected = np.sort(_all_distances(real, real) + np.diag(np.full(len(real), np.inf)), axis=1)[:, :5] ** 2
  np.testing.assert_allclose(distances.nearest_others(real, 5, block), expected, rtol=1e-4)

  across = _all_distances(real, fake)
  counts = distances.ball_counts(real, fake, (3, 5), block)
  for place, k in enumerate((3, 5)):
    in_real = across <= _radii(real, k)[:, None]
    in_fake = across <= _radii(fake, k)[None]
    np.testing.assert_array_equal(counts.fake_in_real[:, place], in_real.sum(0))
    np.testing.assert_array_equal(counts.real_hit[:, place], in_real.sum(1))
    np.testing.assert_array_equal(counts.real_in_fake[:, place], in_fake.sum(1))


def test_published_definitions_by_brute_force():
  real, fake = _sets()
  across = _all_distances(real, fake)
  in_real, in_fake = across <= _radii(real, 3)[:, None], across <= _radii(fake, 3)[None]
  assert precision_recall(real, fake) == pytest.approx((in_real.any(0).mean(), in_fake.any(1).mean()))
  in_real = across <= _radii(real, 5)[:, None]
  assert density_coverage(real, fake) == pytest.approx((in_real.sum() / 5 / len(fake), in_real.any(1).mean()))


def _grid(rng, num):
  """25 clusters in the plane, at a distance of 2 and 0.02 wide."""
  centres = 2.0 * np.stack(np.meshgrid(np.arange(5), np.arange(5)), axis=-1).reshape(-1, 2)
  return (centres[rng.integers(25, size=num)] + 0.02 * rng.normal(size=(num, 2))).astype(np.float32)


def _tight(rng, num):
  """25 clusters in 64 dimensions, a thousandth as wide as their centres are spread."""
  centres = np.random.default_rng(9).normal(size=(25, 64))
  return (centres[rng.integers(25, size=num)] + 1e-3 * rng.normal(size=(num, 64))).astype(np.float32)


@pytest.mark.parametrize('clusters', [_grid, _tight])
def test_tight_clusters_are_measured_as_in_float64(clusters):
  rng = np.random.default_rng(4)
  real, fake = clusters(rng, 700), clusters(rng, 600)
  across, of_real, of_fake = (
    np.stack([_to(p, y) for p in x]) for x, y in ((real, fake), (real, real), (fake, fake))
  )
  radius = {k: np.sort(of_real, axis=1)[:, k] for k in (3, 5)}  # the first is the point itself
  in_real, in_fake = across <= radius[3][:, None], across <= np.sort(of_fake, axis=1)[:, 3]
  expected = in_real.any(0).mean(), in_fake.any(1).mean()
  assert precision_recall(real, fake) == pytest.approx(expected, abs=1e-3)
  in_real = across <= radius[5][:, None]
  expected = in_real.sum() / 5 / len(fake), in_real.any(1).mean()
  assert density_coverage(real, fake) == pytest.approx(expected, abs=1e-3)

  found, places = distances.nearest(fake, real, 2, block=256)
  np.testing.assert_array_equal(places, across.T.argsort(1)[:, :2])
  np.testing.assert_allclose(found, np.sort(across.T, axis=1)[:, :2], rtol=1e-5)
  others = distances.nearest_others(real, 4, block=256)
  np.testing.assert_allclose(others, np.sort(of_real, axis=1)[:, 1:5], rtol=1e-5)


@pytest.mark.parametrize('dims', [2, 64])
def test_balls_are_closed(dims):
  real = np.zeros((5, dims), np.float32)
  real[:, 0] = 3, 4, 5, 6, 8  # with k = 1 the last ball reaches from 6 to 10, the others one to each side
  fake = np.zeros((3, dims), np.float32)
  fake[:, 0] = 2, 10, 11
  np.testing.assert_array_equal(distances.ball_counts(real, fake, (1,)).fake_in_real[:, 0], [1, 1, 0])


@pytest.mark.parametrize('dims', [3, 9, 64])
def test_ties_of_data_on_a_grid_stay_ties(dims):
  """The mean of whole numbers is none: about it, one half of the samples on a ball's edge would fall out of it."""
  rng = np.random.default_rng(5)
  real, fake = rng.integers(0, 3, (300, dims)) / 16 + 1.5, rng.integers(0, 3, (280, dims)) / 16 + 1.5
  in_real = _all_distances(real, fake) <= _radii(real, 3)[:, None]
  counts = distances.ball_counts(real, fake, (3,), block=128)
  np.testing.assert_array_equal(counts.fake_in_real[:, 0], in_real.sum(0))
  np.testing.assert_array_equal(counts.real_hit[:, 0], in_real.sum(1))


def test_identical_and_disjoint_sets():
  real, _ = _sets()
  assert precision_recall(real, real.copy()) == (1.0, 1.0)
  assert density_coverage(real, real.copy())[1] == 1.0
  assert precision_recall(real, real + 100) == (0.0, 0.0)
  assert density_coverage(real, real + 100) == (0.0, 0.0)


def test_equal_distributions_have_the_density_and_coverage_that_are_expected():
  rng = np.random.default_rng(1)
  density, coverage = density_coverage(rng.normal(size=(1500, 8)), rng.normal(size=(1500, 8)), k=5)
  assert density == pytest.approx(1, abs=0.06)
  assert coverage == pytest.approx(1 - 2**-5, abs=0.02)


def test_a_dropped_mode_lowers_recall_and_coverage_alone():
  rng = np.random.default_rng(2)
  real = rng.normal(size=(400, 2)) + 20 * (np.arange(400) % 2)[:, None]
  fake = rng.normal(size=(400, 2))
  precision, recall = precision_recall(real, fake)
  density, coverage = density_coverage(real, fake)
  assert precision > 0.9
  assert recall == pytest.approx(0.5, abs=0.05)
  assert density > 0.9
  assert coverage == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize('squared', squares.ways(2048))
def test_memory_of_a_block_does_not_grow_with_the_number_of_samples(squared):
  radii, centre = np.zeros((blocks.BLOCK, 2), np.float32), np.zeros(2048, np.float32)
  x = np.zeros((blocks.BLOCK, 2048), np.float32)
  with squares.precision(squared):
    program = blocks._count.lower(x, 1, x, 1, radii, radii, centre, squared).compile()
  # 50,000 x 2,048 on both sides are 782 MiB; what a block takes must leave most of 2 GiB free.
  assert program.memory_analysis().temp_size_in_bytes < 256 * 2**20


def test_nearest_training_examples():
  real, fake = _sets(dims=12)
  fake[7], fake[9] = real[123], real[5]
  images = fake.reshape(-1, 2, 2, 3), real.reshape(-1, 2, 2, 3)
  found, places = nearest_neighbours(*images, num=2)
  expected = _all_distances(fake, real)
  np.testing.assert_array_equal(places, expected.argsort(1)[:, :2])
  np.testing.assert_allclose(found, np.sort(expected, axis=1)[:, :2], rtol=1e-5, atol=1e-6)
  assert found[7, 0] == found[9, 0] == 0


def test_memorization_tells_copies_from_fresh_samples():
  rng = np.random.default_rng(3)
  train, held_out, fresh = rng.normal(size=(3, 500, 4))
  honest = memorization(fresh, train, held_out)
  assert honest.ratio == pytest.approx(1, abs=0.1)
  assert honest.copied == pytest.approx(0.05, abs=0.03)
  copies = memorization(train[:100] + 1e-3, train, held_out)
  assert copies.ratio < 0.02
  assert copies.copied == 1.0


def test_copies_are_copies_where_the_data_repeat_themselves():
  train, held_out, fresh = np.random.default_rng(3).normal(size=(3, 500, 4))
  held_out[:50] = train[:50]  # more than the nearest twentieth: its distance is 0
  assert memorization(train[:100], train, held_out).copied == 1.0
  assert memorization(fresh, train, held_out).copied == 0.0


def test_bad_input():
  with pytest.raises(UserError, match='3 neighbours each: measure with at least 4'):
    precision_recall(np.zeros((3, 2)), np.zeros((9, 2)))
  with pytest.raises(UserError, match='2 and 3 wide'):
    density_coverage(np.zeros((9, 2)), np.zeros((9, 3)))
  with pytest.raises(UserError, match='1 of 9 samples are not finite'):
    precision_recall(np.zeros((9, 2)), np.array([[0, 0]] * 8 + [[0, np.nan]]))
  with pytest.raises(UserError, match='as large as 1e\\+19.*look at these samples'):
    precision_recall(np.zeros((9, 9)), np.full((9, 9), -1e19))
  with pytest.raises(UserError, match='too few'):
    nearest_neighbours(np.zeros((2, 3)), np.zeros((1, 3)), num=2)
