import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.losses import gan

REAL = jnp.array([[1.0, 2.0], [3.0, 4.0]])  # mean (2, 3)
FAKE = jnp.array([[0.0, 0.0], [0.0, 2.0]])  # mean (0, 1)
LOGITS = dict(real_logits=jnp.array([0.0, 1.0]), fake_logits=jnp.array([2.0, 0.0]))


def test_feature_matching_by_hand():
  found = gan.feature_matching_generator(real_features=REAL, fake_features=FAKE)
  np.testing.assert_allclose(found, [8.0, 8.0])
  game = gan.feature_matching.generator(**LOGITS, real_features=REAL, fake_features=FAKE)
  np.testing.assert_array_equal(game, found)
  np.testing.assert_array_equal(
    gan.feature_matching.discriminator(**LOGITS, real_features=REAL, fake_features=FAKE),
    gan.non_saturating.discriminator(**LOGITS),
  )


def test_each_generated_example_is_pulled_by_the_distance_of_the_means():
  slope = jax.grad(
    lambda fake: gan.feature_matching_generator(real_features=REAL, fake_features=fake).mean()
  )(FAKE)
  np.testing.assert_allclose(slope, [[-2.0, -2.0]] * 2)  # 2 (mean fake - mean real) / B


def test_the_distance_of_features_by_hand_is_of_each_example():
  found = gan.feature_distance(real_features=REAL, fake_features=FAKE)
  np.testing.assert_allclose(found, [2.5, 6.5])  # (1 + 4) / 2, (9 + 4) / 2
  apart = gan.feature_distance(real_features=REAL.reshape(2, 1, 2), fake_features=FAKE.reshape(2, 1, 2))
  np.testing.assert_array_equal(apart, found)
  with pytest.raises(ValueError, match=r'fake_features has shape \(2, 1\)'):
    gan.feature_distance(real_features=REAL, fake_features=FAKE[:, :1])


def test_features_of_unlike_shapes_are_refused():
  for player in (gan.feature_matching.discriminator, gan.feature_matching.generator):
    with pytest.raises(ValueError, match=r'fake_features has shape \(2, 1\)'):
      player(**LOGITS, real_features=REAL, fake_features=FAKE[:, :1])
