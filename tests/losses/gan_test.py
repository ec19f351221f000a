import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.losses import gan

LOG2, LOG3 = np.log(2.0), np.log(3.0)
# sigmoid(0) = 1/2, sigmoid(log 2) = 2/3, sigmoid(-log 2) = 1/3, sigmoid(log 3) = 3/4.
REAL = jnp.array([0.0, LOG2, -0.5])
FAKE = jnp.array([0.0, -LOG2, LOG3])

# name -> the terms of the discriminator and of the generator at (REAL, FAKE), by hand
HAND = {
  'non_saturating': (
    [2 * LOG2, 2 * np.log(1.5), np.log(1 + np.exp(0.5)) + np.log(4.0)],
    [LOG2, LOG3, np.log(4 / 3)],
  ),
  'minimax': (
    [2 * LOG2, 2 * np.log(1.5), np.log(1 + np.exp(0.5)) + np.log(4.0)],
    [-LOG2, np.log(2 / 3), -np.log(4.0)],
  ),
  'hinge': ([2.0, 2 - 2 * LOG2, 1.5 + 1 + LOG3], [0.0, LOG2, -LOG3]),
  'wasserstein': ([0.0, -2 * LOG2, LOG3 + 0.5], [0.0, LOG2, -LOG3]),
  'least_squares': (
    [0.5, ((LOG2 - 1) ** 2 + LOG2**2) / 2, (2.25 + LOG3**2) / 2],
    [0.5, (LOG2 + 1) ** 2 / 2, (LOG3 - 1) ** 2 / 2],
  ),
  # of a pair the odds are exp(real - fake): 1, 4, exp(-1/2) / 3
  'relativistic': (
    [LOG2, np.log(5 / 4), np.log(1 + 3 * np.exp(0.5))],
    [LOG2, np.log(5.0), np.log(1 + np.exp(-0.5) / 3)],
  ),
}


@pytest.mark.parametrize('name', gan.LOSSES)
def test_by_hand(name):
  loss, (discriminator, generator) = getattr(gan, name), HAND[name]
  assert loss is gan.LOSSES[name]
  np.testing.assert_allclose(
    loss.discriminator(real_logits=REAL, fake_logits=FAKE), discriminator, rtol=1e-5, atol=1e-6
  )
  np.testing.assert_allclose(
    loss.generator(real_logits=REAL, fake_logits=FAKE), generator, rtol=1e-5, atol=1e-6
  )


@pytest.mark.parametrize('name', gan.LOSSES)
def test_players_pull_in_opposite_directions_and_stay_finite(name):
  loss = gan.LOSSES[name]
  up = jax.grad(lambda logit: loss.discriminator(real_logits=REAL, fake_logits=logit).sum())(jnp.zeros(3))
  down = jax.grad(lambda logit: loss.generator(real_logits=REAL, fake_logits=logit).sum())(jnp.zeros(3))
  assert np.all(down < 0)
  assert np.all(up >= 0)
  far = jnp.array([-1e4, 1e4])
  gradients = jax.grad(
    lambda x: (
      loss.discriminator(real_logits=x, fake_logits=-x) + loss.generator(real_logits=x, fake_logits=-x)
    ).sum()
  )(far)
  assert np.all(np.isfinite(gradients))


@pytest.mark.parametrize('name', gan.LOSSES)
def test_patches_are_averaged_per_example(name):
  loss = gan.LOSSES[name]
  real, fake = REAL.reshape(1, 3, 1), FAKE.reshape(1, 3, 1)
  np.testing.assert_allclose(
    loss.discriminator(real_logits=real, fake_logits=fake),
    loss.discriminator(real_logits=REAL, fake_logits=FAKE).mean(keepdims=True),
    rtol=1e-6,
  )
  np.testing.assert_allclose(
    loss.generator(real_logits=real, fake_logits=fake),
    loss.generator(real_logits=REAL, fake_logits=FAKE).mean(keepdims=True),
    rtol=1e-6,
  )


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


@pytest.mark.parametrize('name, value', [('r1', 20.5), ('r2', 4.5), ('gradient_penalty', None)])
def test_penalties_share_one_signature(name, value):
  real, fake = jnp.array([[1.0, 2.0]]), jnp.array([[0.0, 0.0]])
  penalty = gan.PENALTIES[name](_quadratic, jax.random.key(0), real=real, fake=fake)
  assert penalty.shape == (1,)
  if value is not None:
    np.testing.assert_allclose(penalty, [value])


def test_what_could_be_exchanged_goes_by_name():
  with pytest.raises(TypeError, match='positional'):
    gan.hinge.discriminator(REAL, FAKE)


@pytest.mark.parametrize('name', gan.LOSSES)
def test_logits_of_unlike_shapes_are_refused_with_their_name(name):
  with pytest.raises(ValueError, match=r'fake_logits has shape \(3, 1\), but real_logits has \(3,\)'):
    gan.LOSSES[name].discriminator(real_logits=REAL, fake_logits=FAKE[:, None])
  with pytest.raises(ValueError, match='logits is a single number'):
    gan.LOSSES[name].generator(real_logits=REAL[0], fake_logits=FAKE[0])


@pytest.mark.parametrize('name', gan.PENALTIES)
def test_penalties_refuse_a_critic_that_gives_no_number_per_example(name):
  x = jnp.ones((2, 3))
  with pytest.raises(ValueError, match='one number per example'):
    gan.PENALTIES[name](lambda x: x, jax.random.key(0), real=x, fake=x)
