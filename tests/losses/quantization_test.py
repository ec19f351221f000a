import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.losses import quantization

VECTORS = jnp.array([[[1.0, 2.0], [0.0, -1.0]], [[3.0, 0.0], [1.0, 1.0]]])
CODES = jnp.array([[[1.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]])


def test_both_distances_by_hand():
  # 2^2 + 1^2 and 2^2 + 1^2; in all (1 + 1/4) of it
  for distance in (quantization.codebook_distance, quantization.commitment):
    np.testing.assert_allclose(distance(VECTORS, codes=CODES), [5.0, 5.0])
  both = quantization.vector_quantization(VECTORS, codes=CODES, commitment_weight=jnp.array([0.25, 2.0]))
  np.testing.assert_allclose(both, [6.25, 15.0])


def test_one_term_moves_the_codes_and_the_other_the_vectors_by_its_weight():
  def gradients(loss):
    return jax.grad(lambda vectors, codes: loss(vectors, codes=codes).sum(), (0, 1))(VECTORS, CODES)

  apart, nothing = 2 * (VECTORS - CODES), jnp.zeros_like(CODES)
  for loss, expected in (
    (quantization.codebook_distance, (nothing, -apart)),
    (quantization.commitment, (apart, nothing)),
    (quantization.vector_quantization, (0.25 * apart, -apart)),
  ):
    jax.tree.map(np.testing.assert_allclose, gradients(loss), expected)


@pytest.mark.parametrize(
  ('arguments', 'sentence'),
  [
    (dict(codes=CODES[:, 0]), 'must be of one shape'),
    (dict(codes=CODES, commitment_weight=jnp.ones(3)), 'commitment_weight has shape'),
  ],
)
def test_shapes_that_do_not_fit_are_named(arguments, sentence):
  with pytest.raises(ValueError, match=sentence):
    quantization.vector_quantization(VECTORS, **arguments)
