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


@pytest.mark.parametrize('name', gan.PAIRS)
def test_by_hand(name):
  loss, (discriminator, generator) = getattr(gan, name), HAND[name]
  assert loss is gan.PAIRS[name]
  np.testing.assert_allclose(
    loss.discriminator(real_logits=REAL, fake_logits=FAKE), discriminator, rtol=1e-5, atol=1e-6
  )
  np.testing.assert_allclose(
    loss.generator(real_logits=REAL, fake_logits=FAKE), generator, rtol=1e-5, atol=1e-6
  )


@pytest.mark.parametrize('name', gan.PAIRS)
def test_players_pull_in_opposite_directions_and_stay_finite(name):
  loss = gan.PAIRS[name]
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


@pytest.mark.parametrize('name', gan.PAIRS)
def test_patches_are_averaged_per_example(name):
  loss = gan.PAIRS[name]
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


def test_what_could_be_exchanged_goes_by_name():
  with pytest.raises(TypeError, match='positional'):
    gan.hinge.discriminator(REAL, FAKE)


@pytest.mark.parametrize('name', gan.PAIRS)
def test_logits_of_unlike_shapes_are_refused_with_their_name(name):
  with pytest.raises(ValueError, match=r'fake_logits has shape \(3, 1\), but real_logits has \(3,\)'):
    gan.PAIRS[name].discriminator(real_logits=REAL, fake_logits=FAKE[:, None])
  with pytest.raises(ValueError, match='logits is a single number'):
    gan.PAIRS[name].generator(real_logits=REAL[0], fake_logits=FAKE[0])
