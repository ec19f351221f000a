import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.losses import gan


def _quadratic(x):
  """`D(x) = sum(x^2) + 3 x_first`: a gradient of `2 x + 3 e_first`, another one for every example."""
  flat = x.reshape(x.shape[0], -1)
  return (flat**2).sum(1) + 3 * flat[:, 0]


def test_r1_by_hand():
  x = jnp.array([[[0.0, 0.0]], [[1.0, 2.0]]])  # gradients (3, 0) and (5, 4)
  np.testing.assert_allclose(gan.r1_penalty(_quadratic, x), [4.5, 20.5])


def test_gradient_penalty_is_over_all_axes_of_each_example():
  # D(x) = w . x has the slope ||w|| everywhere; with w = (3, 4) over two different axes it is 5.
  weight = jnp.array([[3.0, 0.0], [0.0, 4.0]])

  def linear(x):
    return (x * weight).sum((1, 2))

  real, fake = jnp.ones((3, 2, 2)), jnp.zeros((3, 2, 2))
  np.testing.assert_allclose(
    gan.gradient_penalty(linear, jax.random.key(0), real=real, fake=fake), [16.0] * 3, rtol=1e-6
  )


def test_gradient_penalty_mixes_each_pair_with_a_weight_of_its_own():
  # Between 0 and a real point 1, the slope of sum(x^2) is 2 e sqrt(dim), so the penalty tells e.
  real = jnp.ones((64, 4))
  penalty = gan.gradient_penalty(lambda x: (x**2).sum(1), jax.random.key(0), real=real, fake=0 * real)
  mix = (1 + np.sqrt(penalty)) / 4  # the branch on which the slope is above 1
  assert np.all(penalty <= 9)
  assert len(np.unique(penalty)) == 64
  assert mix.max() > 0.9


def test_gradient_penalty_of_a_flat_critic_has_finite_gradients():
  def penalty(weight):
    return gan.gradient_penalty(
      lambda x: (weight * x).sum(1), jax.random.key(0), real=jnp.ones((2, 3)), fake=-jnp.ones((2, 3))
    ).sum()

  value, gradient = jax.value_and_grad(penalty)(0.0)
  np.testing.assert_allclose(value, 2.0, rtol=1e-4)
  assert np.isfinite(gradient)


def test_dragan_is_of_real_examples_and_noise_in_their_units():
  # A slope of ||w|| = 5 everywhere; of sum(x^2) / 2 it is the length of the perturbed example itself.
  weight = jnp.array([[3.0, 0.0], [0.0, 4.0]])
  x = jax.random.normal(jax.random.key(1), (3, 2, 2))
  flat = gan.dragan_penalty(lambda x: (x * weight).sum((1, 2)), jax.random.key(0), x)
  np.testing.assert_allclose(flat, [16.0] * 3, rtol=1e-6)
  for scale in (1.0, 100.0):
    real = scale * jax.random.normal(jax.random.key(1), (500, 64))
    found = gan.dragan_penalty(lambda x: (x**2).sum(1) / 2, jax.random.key(0), real, spread=0.5)
    lengths = 1 + np.sqrt(found)
    np.testing.assert_allclose((lengths**2).mean() / (scale**2 * 64), 1.25, rtol=0.03)  # 1 + spread^2


def test_dragan_of_a_flat_critic_has_finite_gradients():
  slope = jax.grad(
    lambda weight: gan.dragan_penalty(
      lambda x: (weight * x).sum(1), jax.random.key(0), jnp.ones((2, 3))
    ).sum()
  )
  assert np.isfinite(slope(0.0))


@pytest.mark.parametrize(
  'name, value',
  [('r1', 20.5), ('r2', 4.5), ('r1_r2', 25.0), ('gradient_penalty', None), ('dragan', None)],
)
def test_penalties_share_one_signature(name, value):
  real, fake = jnp.array([[1.0, 2.0]]), jnp.array([[0.0, 0.0]])
  penalty = gan.PENALTIES[name](_quadratic, jax.random.key(0), real=real, fake=fake)
  assert penalty.shape == (1,)
  if value is not None:
    np.testing.assert_allclose(penalty, [value])


@pytest.mark.parametrize('name', gan.PENALTIES)
def test_penalties_refuse_a_critic_that_gives_no_number_per_example(name):
  x = jnp.ones((2, 3))
  with pytest.raises(ValueError, match='one number per example'):
    gan.PENALTIES[name](lambda x: x, jax.random.key(0), real=x, fake=x)


def test_the_path_length_of_a_linear_synthesis_by_hand():
  """x = A w for each layer's w: J^T y is A^T y in every layer, with y over the root of the number of pixels."""
  matrix = jax.random.normal(jax.random.key(1), (5, 4 * 3 * 2))

  def synthesize(styles):
    return (styles.sum(1) @ matrix).reshape(-1, 4, 3, 2)

  styles = jax.random.normal(jax.random.key(2), (6, 3, 5))
  found = gan.path_length(synthesize, jax.random.key(0), styles)
  y = jax.random.normal(jax.random.key(0), (6, 4, 3, 2)).reshape(6, -1) / np.sqrt(4 * 3)
  np.testing.assert_allclose(found, jnp.linalg.norm(y @ matrix.T, axis=1), rtol=1e-5)
  doubled = gan.path_length(lambda styles: 2 * synthesize(styles), jax.random.key(0), styles)
  np.testing.assert_allclose(doubled, 2 * found, rtol=1e-5)


def test_the_path_length_of_a_constant_image_has_finite_gradients():
  def total(weight):
    return gan.path_length(lambda w: weight * w[:, None, :, :], jax.random.key(0), jnp.ones((2, 3, 4))).sum()

  value, gradient = jax.value_and_grad(total)(0.0)
  assert value < 1e-4 and np.isfinite(gradient)
