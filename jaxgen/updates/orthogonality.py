"""Filters that are kept from being alike."""

import jax
import jax.numpy as jnp
import optax


def orthogonal_regularization(weight: float, without: tuple[str, ...] = ()) -> optax.GradientTransformation:
  """Adds to gradients that of `weight * ||W^T W * (1 - I)||_F^2` for each kernel, as a matrix W f32[-1, O] of O filters
  (Brock et al., "Large scale GAN training for high fidelity natural image synthesis", 2019, equation 3).

  Their released code takes half of this gradient: its 1e-4 is 5e-5 here. Biases and gains, of one dimension, are left
  alone. It stands before an optimizer: `optax.chain(orthogonal_regularization(1e-4), optax.adam(1e-3))`.

  Args:
    weight: beta.
    without: parameters are left alone whose path has one of these names.

  Raises:
    ValueError: if `weight` is negative.
  """
  if weight < 0:
    raise ValueError(f'the weight must not be negative, not {weight}.')

  def regularized(path, gradient, kernel):
    names = {getattr(entry, 'key', None) for entry in path}
    if kernel.ndim < 2 or names & set(without):
      return gradient
    matrix = kernel.reshape(-1, kernel.shape[-1])
    products = matrix.T @ matrix
    alike = products - jnp.diag(jnp.diag(products))
    return gradient + 4 * weight * (matrix @ alike).reshape(kernel.shape).astype(gradient.dtype)

  return optax.stateless(lambda gradients, params: jax.tree.map_with_path(regularized, gradients, params))
