"""What holds for every game: of the table, and with a classifier beside it."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.losses import gan

GAMES = {
  **gan.LOSSES,
  'auxiliary_classifier': gan.auxiliary_classifier(gan.non_saturating),
}
FAR = 1e4


def said(loss, of_real, of_fake):
  """Everything that the loss needs, of two examples of which all is as far out as can be."""
  heads = {
    'real_logits': of_real * jnp.array([FAR, -FAR]),
    'fake_logits': of_fake * jnp.array([FAR, -FAR]),
    'real_classes': of_real * jnp.array([[FAR, -FAR, FAR], [-FAR, FAR, -FAR]]),
    'fake_classes': of_fake * jnp.array([[FAR, -FAR, FAR], [-FAR, FAR, -FAR]]),
    'real_features': of_real * jnp.full((2, 3), FAR),
    'fake_features': of_fake * jnp.full((2, 3), FAR),
  }
  labels = {'real_labels': jnp.array([0, 1]), 'fake_labels': jnp.array([0, 1])}
  return (
    {name: heads[name] for name in loss.needs if name in heads},
    {name: labels[name] for name in loss.needs if name in labels},
  )


@pytest.mark.parametrize('player', ['discriminator', 'generator'])
@pytest.mark.parametrize('name', GAMES)
def test_losses_and_their_gradients_are_finite_far_out(name, player):
  loss = GAMES[name]
  for signs in itertools.product((1.0, -1.0), repeat=2):
    heads, labels = said(loss, *signs)

    def total(heads, labels=labels):
      terms = getattr(loss, player)(**heads, **labels)
      return terms.sum(), terms

    (_, terms), slopes = jax.value_and_grad(total, has_aux=True)(heads)
    assert terms.shape == (2,) and np.all(np.isfinite(terms))
    assert all(np.all(np.isfinite(slope)) for slope in slopes.values())
