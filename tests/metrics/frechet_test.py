"""The Fréchet distance against closed forms and the matrix square root."""

import numpy as np
import pytest
import scipy.linalg

from jaxgen.errors import UserError
from jaxgen.metrics.frechet import frechet_distance, gaussian_statistics


def _rotation(rng, dims):
  return np.linalg.qr(rng.normal(size=(dims, dims)))[0]


def _covariance(rng, eigenvalues):
  rotation = _rotation(rng, len(eigenvalues))
  return (rotation * eigenvalues) @ rotation.T


def test_one_dimension_by_hand():
  # (1 - 3)^2 + (2 - 5)^2
  assert frechet_distance([1.0], [[4.0]], [3.0], [[25.0]]) == pytest.approx(13.0, rel=1e-12)


def test_equals_the_matrix_square_root():
  rng = np.random.default_rng(0)
  cov1, cov2 = (_covariance(rng, np.logspace(0, -4, 48)) for _ in range(2))
  mean1, mean2 = rng.normal(size=(2, 48))
  root = scipy.linalg.sqrtm(cov1 @ cov2).real
  expected = np.sum((mean1 - mean2) ** 2) + np.trace(cov1 + cov2 - 2 * root)
  assert frechet_distance(mean1, cov1, mean2, cov2) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize('smallest', [-8, -14, -30])
def test_covariances_that_commute_have_a_closed_form_even_when_nearly_singular(smallest):
  rng = np.random.default_rng(1)
  rotation = _rotation(rng, 64)
  eigenvalues1, eigenvalues2 = np.logspace(0, smallest, 64), np.logspace(1, smallest, 64)
  cov1, cov2 = ((rotation * e) @ rotation.T for e in (eigenvalues1, eigenvalues2))
  expected = np.sum((np.sqrt(eigenvalues1) - np.sqrt(eigenvalues2)) ** 2)
  assert frechet_distance(np.zeros(64), cov1, np.zeros(64), cov2) == pytest.approx(expected, rel=1e-6)


def test_singular_covariances_of_lower_rank():
  rng = np.random.default_rng(2)
  factor = rng.normal(size=(40, 7))
  cov = factor @ factor.T
  assert frechet_distance(np.zeros(40), cov, np.zeros(40), 4 * cov) == pytest.approx(np.trace(cov), rel=1e-6)
  assert frechet_distance(np.zeros(40), cov, np.ones(40), np.zeros((40, 40))) == pytest.approx(
    np.trace(cov) + 40, rel=1e-9
  )


def test_distance_is_symmetric_and_zero_for_equals():
  rng = np.random.default_rng(3)
  a, b = (gaussian_statistics(rng.normal(size=(100, 8)) * scale) for scale in (1.0, 2.0))
  assert frechet_distance(a.mean, a.cov, a.mean, a.cov) == pytest.approx(0, abs=1e-12)
  forth, back = (frechet_distance(p.mean, p.cov, q.mean, q.cov) for p, q in ((a, b), (b, a)))
  assert forth == pytest.approx(back, rel=1e-12)


def test_statistics_of_a_stream_are_those_of_the_whole():
  features = np.random.default_rng(4).normal(1e4, 1.0, size=(57, 5))
  whole = gaussian_statistics(features)
  stream = gaussian_statistics(features[i : i + 10] for i in range(0, 57, 10))
  np.testing.assert_allclose(whole.cov, np.cov(features, rowvar=False), rtol=1e-10)
  np.testing.assert_allclose(stream.mean, whole.mean, rtol=1e-14)
  np.testing.assert_allclose(stream.cov, whole.cov, rtol=1e-9, atol=1e-12)
  assert stream.count == 57


def test_too_few_samples_says_how_many_are_needed():
  with pytest.raises(UserError, match='5 samples are too few .* 5 features: measure with at least 6 samples'):
    gaussian_statistics(np.zeros((5, 5)))
  assert gaussian_statistics(np.eye(6)[:, :5]).count == 6


def test_features_that_are_not_finite_are_counted():
  features = np.zeros((9, 2))
  features[3, 1], features[5, 0] = np.nan, np.inf
  with pytest.raises(UserError, match='2 of 9 samples are not finite'):
    gaussian_statistics(features)


def test_gaussians_of_different_features_are_refused():
  with pytest.raises(UserError, match='same features'):
    frechet_distance(np.zeros(2), np.eye(2), np.zeros(3), np.eye(3))
  with pytest.raises(UserError, match='not finite'):
    frechet_distance([np.nan], [[1.0]], [0.0], [[1.0]])
