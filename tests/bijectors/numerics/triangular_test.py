"""Triangular inverses against float64."""

import jax
import numpy as np
import pytest

from jaxgen.bijectors.numerics.triangular import lower_inverse


@pytest.mark.parametrize('size', [1, 2, 3, 12, 31, 48, 192])
def test_inverse_of_the_factors_of_a_rotation(size):
  rng = np.random.default_rng(size)
  rotation = np.linalg.qr(rng.normal(size=(size, size)))[0]
  lower = np.linalg.cholesky(rotation @ np.diag(rng.uniform(0.3, 3, size)) @ rotation.T)
  inverse = jax.jit(lower_inverse)(lower.astype(np.float32))
  exact = np.linalg.inv(lower)
  np.testing.assert_allclose(inverse, exact, atol=2e-5 * np.abs(exact).max())
  assert not np.triu(inverse, 1).any()


def test_above_the_diagonal_nothing_is_read():
  full = np.random.default_rng(0).normal(size=(7, 7)).astype(np.float32) + 3 * np.eye(7, dtype=np.float32)
  np.testing.assert_array_equal(lower_inverse(full), lower_inverse(np.tril(full)))
