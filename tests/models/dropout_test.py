"""Dropout of autoregressive networks: training alone is told, a new draw at every step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.models.autoregressive.pixelcnnpp import PixelCNNpp
from jaxgen.models.autoregressive.rnnlm import RNNLM
from jaxgen.models.autoregressive.transformer import Transformer

TOKENS, IMAGES = (2, 6), (2, 4, 4, 1)
# the shape of what is modelled, and `dropout -> nn.Module`
NETWORKS = {
  'transformer': (TOKENS, lambda dropout: Transformer(6, 5, 8, 1, 2, dropout)),
  'rnnlm': (TOKENS, lambda dropout: RNNLM(5, 'lstm', 8, 1, dropout)),
  'pixelcnnpp': (
    IMAGES,
    lambda dropout: PixelCNNpp(
      channels=1, levels=5, width=4, num_layers=1, num_sizes=1, components=1, dropout=dropout
    ),
  ),
}


@pytest.mark.parametrize('name', NETWORKS)
def test_dropout_acts_in_training_and_not_in_evaluation(name):
  shape, make = NETWORKS[name]
  x = jax.random.randint(jax.random.key(0), shape, 0, 5)
  shapes = jax.eval_shape(lambda rng: make(0.5).init(rng, x, {}, False), jax.random.key(0))
  noise = np.random.default_rng(0)
  variables = jax.tree.map(lambda leaf: jnp.asarray(noise.normal(0, 0.5, leaf.shape), leaf.dtype), shapes)

  @jax.jit
  def outputs(one, other):
    train = lambda rng: make(0.5).apply(variables, x, {}, True, rngs={'dropout': rng})  # noqa: E731
    evaluated = [make(rate).apply(variables, x, {}, False) for rate in (0.5, 0.0)]
    return train(one), train(other), *evaluated

  first, second, still, without = outputs(jax.random.key(1), jax.random.key(2))
  np.testing.assert_array_equal(still, without)
  for one, other in ((first, second), (first, still)):  # of every example
    assert (one != other).reshape(len(x), -1).any(1).all()
