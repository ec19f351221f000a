"""Losses of discriminators that know classes: logits f32[B, K], and labels i32[B] in [0, K)."""

import jax
import jax.numpy as jnp

from jaxgen.losses._checks import check_batched, check_rank, check_same_shape
from jaxgen.losses.autoregressive import categorical_nll
from jaxgen.losses.gan.pairs import GanLoss


def auxiliary_classifier(loss: GanLoss, weight: float = 1.0) -> GanLoss:
  """The game with `-log p(label | x)` in both losses: generated examples have to be recognized as what they were asked
  to be (Odena et al., "Conditional image synthesis with auxiliary classifier GANs", 2017, equations 2 and 3).

  The discriminator minimizes `loss + weight (L(real) + L(fake))` with `L = -log softmax(classes)[label]`, in nats, the
  generator `loss + weight L(fake)`: the paper's term of real examples is a constant to it. A discriminator that cannot
  tell K classes pays `2 weight log K`.

  Args:
    loss: of the source, real or generated; the paper's is `non_saturating`.
    weight: of the classes.

  Raises:
    ValueError: if the game knows classes without.
  """
  if 'real_classes' in loss.needs:
    raise ValueError('this game knows classes already; an auxiliary classifier is for those of logits.')

  def discriminator(*, real_classes, fake_classes, real_labels, fake_labels, **source):
    check_same_shape(real_classes=real_classes, fake_classes=fake_classes)
    missed = _missed(real_classes, real_labels) + _missed(fake_classes, fake_labels)
    return loss.discriminator(**source) + weight * missed

  def generator(*, real_classes, fake_classes, real_labels, fake_labels, **source):
    check_same_shape(real_classes=real_classes, fake_classes=fake_classes)
    check_batched(real_classes=real_classes, real_labels=real_labels)
    return loss.generator(**source) + weight * _missed(fake_classes, fake_labels)

  needs = (*loss.needs, 'real_classes', 'fake_classes', 'real_labels', 'fake_labels')
  return GanLoss(discriminator, generator, needs, loss.boundary)


def logit_of_classes(classes: jax.Array) -> jax.Array:
  """`D = log sum_k exp(classes_k)`, f32[B]: beside a class of generated examples, of logit 0, `sigmoid(D)` is the
  probability of all others (Salimans et al., "Improved techniques for training GANs", 2016, section 5)."""
  check_rank(2, classes=classes)
  return jax.nn.logsumexp(classes, axis=-1)


def k_plus_one_discriminator(
  *, real_classes: jax.Array, fake_classes: jax.Array, real_labels: jax.Array
) -> jax.Array:
  """`-log p(label | real) - log p(K + 1 | fake)`, in nats, of K + 1 classes the last of which is 'generated'
  (Salimans et al. 2016, section 5).

  Its logit is 0, as only differences count. Where the discriminator cannot tell it is `2 log(K + 1)`.

  Args:
    real_classes: f32[B, K], logits of the classes of real examples.
    fake_classes: f32[B, K], of generated ones.
    real_labels: i32[B] in [0, K).

  Returns:
    f32[B].

  Raises:
    ValueError: if the shapes do not fit.
  """
  check_same_shape(real_classes=real_classes, fake_classes=fake_classes)
  generated = jnp.full(len(fake_classes), fake_classes.shape[-1])
  return _missed(_with_generated(real_classes), real_labels) + _missed(
    _with_generated(fake_classes), generated
  )


def k_plus_one_generator(fake_classes: jax.Array) -> jax.Array:
  """`-log(1 - p(K + 1 | fake))`, in nats: any class but 'generated', f32[B].

  The non-saturating loss of `logit_of_classes`. Salimans et al. 2016, section 5, train the generator by
  `feature_matching_generator`.
  """
  return jax.nn.softplus(-logit_of_classes(fake_classes))


def _missed(classes, labels):
  """`-log softmax(classes)[label]`, f32[B]."""
  check_rank(2, classes=classes)
  return categorical_nll(classes, labels)


def _with_generated(classes):
  return jnp.pad(classes, ((0, 0), (0, 1)))


def _generator(*, real_classes, fake_classes, real_labels):
  check_same_shape(real_classes=real_classes, fake_classes=fake_classes)
  check_batched(real_classes=real_classes, real_labels=real_labels)
  return k_plus_one_generator(fake_classes)


k_plus_one = GanLoss(k_plus_one_discriminator, _generator, ('real_classes', 'fake_classes', 'real_labels'))
