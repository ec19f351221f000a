import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.losses import gan

LOG2, LOG3 = np.log(2.0), np.log(3.0)
# softmax: (1/2, 1/2) and (3/4, 1/4); beside a third class of logit 0: (1/3, 1/3, 1/3) and (3/5, 1/5, 1/5)
REAL = jnp.array([[0.0, 0.0], [LOG3, 0.0]])
FAKE = jnp.array([[LOG3, 0.0], [0.0, 0.0]])
LABELS = jnp.array([1, 0])
LOGITS = dict(real_logits=jnp.array([0.0, LOG2]), fake_logits=jnp.array([0.0, -LOG2]))
SAID = dict(LOGITS, real_classes=REAL, fake_classes=FAKE, real_labels=LABELS, fake_labels=LABELS)


def said(loss, **changes):
  return {name: (SAID | changes)[name] for name in loss.needs}


@pytest.mark.parametrize('weight', [1.0, 0.5])
def test_the_auxiliary_classifier_by_hand(weight):
  loss = gan.auxiliary_classifier(gan.non_saturating, weight)
  missed_real, missed_fake = np.array([LOG2, np.log(4 / 3)]), np.array([np.log(4.0), LOG2])
  np.testing.assert_allclose(
    loss.discriminator(**said(loss)),
    gan.non_saturating.discriminator(**LOGITS) + weight * (missed_real + missed_fake),
    rtol=1e-6,
  )
  np.testing.assert_allclose(
    loss.generator(**said(loss)), gan.non_saturating.generator(**LOGITS) + weight * missed_fake, rtol=1e-6
  )


@pytest.mark.parametrize('name', gan.PAIRS)
def test_any_pair_takes_an_auxiliary_classifier(name):
  source = gan.PAIRS[name]
  loss = gan.auxiliary_classifier(source)
  more = loss.generator(**said(loss)) - source.generator(**LOGITS)
  np.testing.assert_allclose(more, [np.log(4.0), LOG2], rtol=1e-5)


def test_one_classifier_is_enough():
  with pytest.raises(ValueError, match='knows classes'):
    gan.auxiliary_classifier(gan.k_plus_one)


def test_k_plus_one_classes_by_hand():
  loss = gan.k_plus_one
  np.testing.assert_allclose(
    loss.discriminator(**said(loss)), [LOG3 + np.log(5.0), np.log(5 / 3) + LOG3], rtol=1e-6
  )
  np.testing.assert_allclose(loss.generator(**said(loss)), [np.log(5 / 4), np.log(3 / 2)], rtol=1e-6)
  np.testing.assert_allclose(
    jax.nn.sigmoid(gan.logit_of_classes(REAL)), [2 / 3, 4 / 5], rtol=1e-6
  )  # of all but 'generated'


def test_k_plus_one_is_a_logistic_game_and_a_classification():
  """-log p(k | x) of K + 1 classes is that of K, and that it is no generated one (Salimans et al. 2016, section 5)."""
  classes = jax.random.normal(jax.random.key(0), (5, 4))
  fake, labels = jax.random.normal(jax.random.key(1), (5, 4)), jnp.arange(5) % 4
  source = gan.logistic_discriminator(
    real_logits=gan.logit_of_classes(classes), fake_logits=gan.logit_of_classes(fake)
  )
  classified = -jax.nn.log_softmax(classes)[jnp.arange(5), labels]
  found = gan.k_plus_one.discriminator(real_classes=classes, fake_classes=fake, real_labels=labels)
  np.testing.assert_allclose(found, source + classified, rtol=1e-5)


@pytest.mark.parametrize('loss', [gan.auxiliary_classifier(gan.hinge), gan.k_plus_one], ids=['ac', 'k+1'])
@pytest.mark.parametrize('player', ['discriminator', 'generator'])
def test_what_does_not_fit_is_refused(loss, player):
  with pytest.raises(ValueError, match=r'fake_classes has shape \(2, 3\), but real_classes has \(2, 2\)'):
    getattr(loss, player)(**said(loss, fake_classes=jnp.zeros((2, 3))))
  with pytest.raises(ValueError, match='real_labels has shape|do not fit data of shape'):
    getattr(loss, player)(**said(loss, real_labels=jnp.array([0, 1, 1])))


def test_labels_are_whole_numbers():
  with pytest.raises(TypeError, match='whole numbers'):
    gan.k_plus_one.discriminator(**said(gan.k_plus_one, real_labels=jnp.array([0.0, 1.0])))
