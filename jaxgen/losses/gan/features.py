"""Losses of what a discriminator computes on its way."""

import jax
import jax.numpy as jnp

from jaxgen.losses._checks import check_same_shape
from jaxgen.losses.gan.pairs import GanLoss, logistic_discriminator


def feature_matching_generator(*, real_features: jax.Array, fake_features: jax.Array) -> jax.Array:
  """`||mean f(real) - mean f(fake)||_2^2`, the means over the batch (Salimans et al., "Improved techniques for training
  GANs", 2016, section 3.1).

  It compares batches, not examples: every entry is the whole number, so that the mean over the batch is that too.

  Args:
    real_features: f32[B, ...], of a layer of the discriminator.
    fake_features: the same of generated examples.

  Returns:
    f32[B].

  Raises:
    ValueError: if these are not of one shape.
  """
  check_same_shape(real_features=real_features, fake_features=fake_features)
  apart = ((real_features.mean(0) - fake_features.mean(0)) ** 2).sum()
  return jnp.full(len(real_features), apart)


def feature_distance(*, real_features: jax.Array, fake_features: jax.Array) -> jax.Array:
  """`||f(x) - f(again)||_2^2 / 2`, of each example and what was made of it: `-log N(f(x); f(again), I)` in nats without
  its constant (Larsen et al., "Autoencoding beyond pixels using a learned similarity metric", 2016, equations 7 and 8).

  Args:
    real_features: f32[B, ...], of a layer of the discriminator.
    fake_features: the same of the reconstructions.

  Returns:
    f32[B].

  Raises:
    ValueError: if these are not of one shape.
  """
  check_same_shape(real_features=real_features, fake_features=fake_features)
  apart = (real_features - fake_features) ** 2
  return apart.reshape(len(apart), -1).sum(-1) / 2


def _discriminator(*, real_logits, fake_logits, real_features, fake_features):
  check_same_shape(real_features=real_features, fake_features=fake_features)
  return logistic_discriminator(real_logits=real_logits, fake_logits=fake_logits)


def _generator(*, real_logits, fake_logits, real_features, fake_features):
  check_same_shape(real_logits=real_logits, fake_logits=fake_logits)
  return feature_matching_generator(real_features=real_features, fake_features=fake_features)


feature_matching = GanLoss(
  _discriminator, _generator, ('real_logits', 'fake_logits', 'real_features', 'fake_features')
)
