"""How far a translation of images is from what it should be: mean absolute errors, one number per example."""

import jax
import jax.numpy as jnp

from jaxgen.losses._checks import check_same_shape


def cycle_consistency(*, x: jax.Array, there_and_back: jax.Array) -> jax.Array:
  """`|F(G(x)) - x|`, the mean over the entries of an example, f32[B] (Zhu et al., "Unpaired image-to-image translation
  using cycle-consistent adversarial networks", 2017, equation 2, one of its two terms; there the sum).

  Raises:
    ValueError: if the two are not `[B, ...]` of one shape.
  """
  check_same_shape(x=x, there_and_back=there_and_back)
  return _mean_absolute(x - there_and_back)


def identity_mapping(*, x: jax.Array, mapped: jax.Array) -> jax.Array:
  """`|F(x) - x|` of an x that is in the domain to which F carries already, f32[B] (Zhu et al. 2017, section 5.2).

  Raises:
    ValueError: if the two are not `[B, ...]` of one shape.
  """
  check_same_shape(x=x, mapped=mapped)
  return _mean_absolute(x - mapped)


def distance_to_truth(*, x: jax.Array, translated: jax.Array) -> jax.Array:
  """`|x - G(y, z)|`, f32[B] (Isola et al., "Image-to-image translation with conditional adversarial networks", 2017,
  equation 3; there the sum).

  Raises:
    ValueError: if the two are not `[B, ...]` of one shape.
  """
  check_same_shape(x=x, translated=translated)
  return _mean_absolute(x - translated)


def _mean_absolute(difference):
  return jnp.abs(difference).reshape(difference.shape[0], -1).mean(-1)
