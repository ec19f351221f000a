"""The terms that train a codebook by gradient: arrays in, one number per example out.

Squared distances between vectors and the codes that they are nearest to, summed over every axis but the first. A
codebook that is kept by averaging, as `jaxgen.nn.vector_quantizer` does, needs the commitment alone.
"""

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.losses._checks import check_broadcasts, check_same_shape
from jaxgen.losses._finite import in_float32, sum_over_event


def codebook_distance(vectors: jax.Array, *, codes: jax.Array) -> jax.Array:
  """`||sg[vectors] - codes||^2`: it moves the codes alone (van den Oord et al. 2017, equation 3, second term).

  Args:
    vectors: f32[B, ...], the encoder's.
    codes: f32[B, ...], the vector of the nearest code in the place of each.

  Returns:
    f32[B].

  Raises:
    ValueError: if the shapes differ.
  """
  check_same_shape(vectors=vectors, codes=codes)
  vectors, codes = in_float32(vectors, codes)
  return sum_over_event(jnp.square(lax.stop_gradient(vectors) - codes))


def commitment(vectors: jax.Array, *, codes: jax.Array) -> jax.Array:
  """`||vectors - sg[codes]||^2`: it moves the vectors alone (van den Oord et al. 2017, equation 3, third term).

  Args:
    vectors: f32[B, ...], the encoder's.
    codes: f32[B, ...], the vector of the nearest code in the place of each.

  Returns:
    f32[B].

  Raises:
    ValueError: if the shapes differ.
  """
  return codebook_distance(codes, codes=vectors)


def vector_quantization(
  vectors: jax.Array, *, codes: jax.Array, commitment_weight: jax.Array | float = 0.25
) -> jax.Array:
  """`||sg[vectors] - codes||^2 + beta ||vectors - sg[codes]||^2`: what is added to the reconstruction in equation 3 of
  van den Oord et al. (2017).

  Args:
    vectors: f32[B, ...], the encoder's.
    codes: f32[B, ...], the vector of the nearest code in the place of each.
    commitment_weight: beta, a number or one for each example.

  Returns:
    f32[B].

  Raises:
    ValueError: if the shapes differ, or the weight is not one for all or for each.
  """
  distance = codebook_distance(vectors, codes=codes)
  check_broadcasts(distance, commitment_weight=commitment_weight)
  return distance + commitment_weight * commitment(vectors, codes=codes)
