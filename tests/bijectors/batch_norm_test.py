from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.bijectors import BatchNorm

X = jnp.array([[1.0, 10.0], [3.0, 10.0], [5.0, 40.0]])
MEAN, VARIANCE = np.array([3.0, 20.0]), np.array([8 / 3, 200.0])
KEPT = {'batch_stats': {'mean': jnp.zeros(2), 'variance': jnp.ones(2)}}


def forward(layer, variables, x, **kwargs):
  return layer.apply(variables, x, method='forward_and_log_det', **kwargs)


def test_in_training_it_uses_and_keeps_what_the_equations_say():
  layer = BatchNorm(momentum=0.9, lag=0.5, epsilon=0.1)
  (z, log_det), updated = forward(layer, KEPT, X, mutable=['batch_stats'])
  mean, variance = MEAN / 2, (VARIANCE + 1) / 2 + 0.1
  np.testing.assert_allclose(z, (X - mean) / np.sqrt(variance), rtol=1e-5)
  np.testing.assert_allclose(log_det, np.full(3, -0.5 * np.log(variance).sum()), rtol=1e-5)
  np.testing.assert_allclose(updated['batch_stats']['mean'], 0.1 * MEAN, rtol=1e-5)
  np.testing.assert_allclose(updated['batch_stats']['variance'], 0.9 + 0.1 * VARIANCE, rtol=1e-5)


def test_without_lag_a_batch_leaves_with_zero_mean_and_unit_variance():
  (z, _), _ = forward(BatchNorm(epsilon=1e-8), KEPT, X, mutable=['batch_stats'])
  np.testing.assert_allclose(z.mean(0), 0, atol=1e-6)
  np.testing.assert_allclose(z.var(0), 1, rtol=1e-5)


def test_elsewhere_an_example_is_normalized_alone_and_nothing_moves():
  whole, _ = forward(BatchNorm(), KEPT, X)
  alone, _ = forward(BatchNorm(), KEPT, X[:1])
  np.testing.assert_array_equal(alone, whole[:1])
  _, updated = BatchNorm().apply(KEPT, X, method='inverse_and_log_det', mutable=['batch_stats'])
  np.testing.assert_array_equal(updated['batch_stats']['mean'], np.zeros(2))


def test_the_first_running_moments_are_those_of_the_first_batch():
  kept = BatchNorm().init(jax.random.key(0), X, method='forward_and_log_det')['batch_stats']
  np.testing.assert_allclose(kept['mean'], MEAN, rtol=1e-5)
  np.testing.assert_allclose(kept['variance'], VARIANCE, rtol=1e-5)


def test_gradients_pass_through_the_moments_of_the_batch_in_the_share_that_is_used():
  """With lag 1/2, half of a shift common to all examples is taken back."""

  def first(shift):
    (z, _), _ = forward(BatchNorm(lag=0.5, epsilon=1e-8), KEPT, X + shift, mutable=['batch_stats'])
    return z[0, 0]

  np.testing.assert_allclose(jax.grad(first)(0.0), 0.5 / np.sqrt((VARIANCE[0] + 1) / 2), rtol=1e-5)


def test_devices_share_the_moments_of_the_whole_batch():
  x = jax.random.normal(jax.random.key(1), (8, 3, 2)) * jnp.array([1.0, 5.0]) + 2
  layer = BatchNorm(lag=0.3, axis_name='data')
  mapped = jax.vmap(partial(forward, layer, KEPT, mutable=['batch_stats']), axis_name='data')
  (z, log_det), updated = mapped(x.reshape(4, 2, 3, 2))
  (whole, log_det_of_whole), kept = forward(BatchNorm(lag=0.3), KEPT, x, mutable=['batch_stats'])
  np.testing.assert_allclose(z.reshape(x.shape), whole, atol=1e-5)
  np.testing.assert_allclose(log_det.reshape(-1), log_det_of_whole, rtol=1e-5)
  for name, value in kept['batch_stats'].items():
    np.testing.assert_allclose(updated['batch_stats'][name], np.broadcast_to(value, (4, 2)), rtol=1e-5)


def test_a_constant_channel_gives_no_nan_nor_does_its_gradient():
  x = jnp.full((4, 2), 7.0)
  (z, log_det), _ = forward(BatchNorm(), KEPT, x, mutable=['batch_stats'])
  slope = jax.grad(lambda x: forward(BatchNorm(), KEPT, x, mutable=['batch_stats'])[0][0].sum())(x)
  assert np.isfinite(z).all() and np.isfinite(log_det).all() and np.isfinite(slope).all()


@pytest.mark.parametrize('wrong', [{'momentum': 1.0}, {'lag': -0.1}, {'epsilon': 0.0}, {'lag': float('nan')}])
def test_numbers_out_of_range_are_refused(wrong):
  with pytest.raises(ValueError, match='momentum and lag in'):
    BatchNorm(**wrong)
