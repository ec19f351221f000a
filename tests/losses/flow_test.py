import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.losses import flow


def test_standard_normal_by_hand():
  latents = jnp.array([[0.0, 0.0], [1.0, -2.0]])
  np.testing.assert_allclose(
    flow.standard_normal().log_prob(latents), [-1.8378771, -1.8378771 - 2.5], rtol=1e-6
  )


def test_standard_logistic_by_hand():
  latents = jnp.array([[0.0], [np.log(3.0)]])
  np.testing.assert_allclose(
    flow.standard_logistic().log_prob(latents), [np.log(1 / 4), np.log(3 / 16)], rtol=1e-5
  )


@pytest.mark.parametrize('prior', [flow.standard_normal(), flow.standard_logistic()])
def test_latents_may_be_a_tuple_of_arrays(prior):
  z = jax.random.normal(jax.random.key(0), (4, 6))
  parts = (z[:, :2], z[:, 2:].reshape(4, 2, 2, 1))
  np.testing.assert_allclose(prior.log_prob(parts), prior.log_prob(z), rtol=1e-5)


@pytest.mark.parametrize(
  'prior, variance', [(flow.standard_normal(), 1.0), (flow.standard_logistic(), np.pi**2 / 3)]
)
def test_samples_have_the_shapes_asked_for_and_the_moments_of_the_density(prior, variance):
  shapes = (jax.ShapeDtypeStruct((4000, 3), jnp.float32), jax.ShapeDtypeStruct((4000, 2, 2, 1), jnp.float32))
  first, second = prior.sample(jax.random.key(0), shapes)
  assert first.shape == (4000, 3) and second.shape == (4000, 2, 2, 1)
  for leaf in (first, second):
    np.testing.assert_allclose([leaf.mean(), leaf.var()], [0, variance], atol=0.06 * variance)
  assert not np.allclose(first[:, 0], second[:, 0, 0, 0])


def test_an_affine_flow_is_a_gaussian():
  mean, std = 3.0, 0.25
  x = jnp.array([[2.5], [3.0], [4.0]])
  z, log_det = (x - mean) / std, jnp.full(3, -jnp.log(std))
  expected = jax.scipy.stats.norm.logpdf(x[:, 0], mean, std)
  np.testing.assert_allclose(flow.log_prob(z, log_det, flow.standard_normal()), expected, rtol=1e-5)
  np.testing.assert_allclose(
    flow.negative_log_likelihood(z, log_det, flow.standard_normal()), -expected, rtol=1e-5
  )


def test_the_gradient_is_that_of_the_density():
  grad = jax.grad(lambda z: flow.log_prob(z, jnp.zeros(2), flow.standard_normal()).sum())
  np.testing.assert_allclose(grad(jnp.array([[1.0], [-3.0]])), [[-1.0], [3.0]])


@pytest.mark.parametrize(
  ('latents', 'log_det', 'sentence'),
  [
    (jnp.zeros((4, 2)), jnp.zeros(()), 'log_det is a single number'),
    (jnp.zeros((4, 2)), jnp.zeros(3), r'log_det has shape \(3,\)'),
    (jnp.zeros((4, 2)), jnp.zeros((4, 1)), 'log_det must be of rank 1'),
    (jnp.zeros(4), jnp.zeros((4, 2)), 'latents must be'),
    ((jnp.zeros((4, 2)), jnp.zeros((3, 2))), jnp.zeros(4), r'latents\[1\] has shape'),
  ],
)
def test_shapes_that_do_not_fit_are_refused_with_the_argument_that_is_wrong(latents, log_det, sentence):
  with pytest.raises(ValueError, match=sentence):
    flow.log_prob(latents, log_det, flow.standard_normal())
