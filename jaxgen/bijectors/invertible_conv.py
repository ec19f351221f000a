"""The invertible 1x1 convolution in its LU form."""

from collections.abc import Sequence
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import lu

from jaxgen.bijectors.bijector import Bijector, Given, Shape, one_array
from jaxgen.bijectors.log_det import dtype, per_channel
from jaxgen.bijectors.numerics.triangular import lower_inverse


class _Factors(NamedTuple):
  permutation: jax.Array  # f32[C, C]
  lower: jax.Array  # f32[C, C], used below the diagonal
  upper: jax.Array  # f32[C, C], used above it
  sign: jax.Array  # f32[C]
  log_scale: jax.Array  # f32[C]


_CONSTANTS = ('permutation', 'sign')


class InvertibleConv(Bijector):
  """A learned rotation of the channels at every position (Kingma & Dhariwal, "Glow", section 3.2).

  Forward `z = W x` with `W = P L (U + diag(s))` (equation 10): `P` a fixed permutation, `L` unit lower
  and `U` strictly upper triangular, `s = sign exp(log_scale)` with fixed signs, so that `W` never becomes
  singular. `log|det dz/dx| = P sum(log_scale)` (equation 11) with `P` the number of positions. `W` starts as
  a random rotation, or as a matrix that is given.

  On a vector it is a full linear map. Its products are taken in full float32 precision on every device.

  Shapes: `f32[B, ..., C] -> f32[B, ..., C]`; parameters `lower`, `upper` f32[C, C], `log_scale` f32[C];
  `permutation` and `sign` are in the collection 'constants'.

  Attributes:
    weight: the first W, C rows of C numbers, an array say; None for a random rotation.

  Raises:
    ValueError: if the weight is not square, not finite or singular, or has not as many rows as there are channels.
  """

  weight: Sequence[Sequence[float]] | None = None

  def __post_init__(self):
    if self.weight is not None:
      weight = np.asarray(self.weight, np.float64)
      _check_invertible(weight)
      self.weight = tuple(map(tuple, weight.tolist()))  # a module's attributes can be compared
    super().__post_init__()

  @property
  def constant_log_det(self) -> bool:
    return True

  def latent_shape(self, shape: Shape) -> Shape:
    """The same shape, of as many channels as the weight has rows."""
    if self.weight is not None and one_array(shape)[-1] != len(self.weight):
      raise ValueError(
        f'a start matrix of {len(self.weight)} channels does not fit an example of shape {shape}.'
      )
    return one_array(shape)

  def forward_and_log_det(self, x: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """x f32[B, ..., C] -> `W x` at every position."""
    factors = self._factors(x)
    lower, upper = _triangles(factors)
    with jax.default_matmul_precision('highest'):
      weight = factors.permutation @ lower @ upper
      z = x.reshape(-1, x.shape[-1]) @ weight.T
    return z.reshape(x.shape), per_channel(factors.log_scale, x)

  def inverse_and_log_det(self, z: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """z f32[B, ..., C] -> `W^-1 z` at every position."""
    factors = self._factors(z)
    lower, upper = _triangles(factors)
    with jax.default_matmul_precision('highest'):
      lower, upper = lower_inverse(jnp.stack([lower, upper.T]))
      weight = upper.T @ lower @ factors.permutation.T
      x = z.reshape(-1, z.shape[-1]) @ weight.T
    return x.reshape(z.shape), per_channel(-factors.log_scale, z)

  @nn.compact
  def _factors(self, x):
    if self.is_initializing() and not self.has_variable('params', 'lower'):
      self.latent_shape(x.shape[1:])
      for name, value in _factorized(self._start(x.shape[-1]))._asdict().items():
        self.put_variable(_collection(name), name, value)
    factors = _Factors(**{name: self.get_variable(_collection(name), name) for name in _Factors._fields})
    return jax.tree.map(lambda factor: factor.astype(dtype(x)), factors)

  def _start(self, size):
    if self.weight is not None:
      return jnp.asarray(self.weight, jnp.float32)
    rotation, _ = jnp.linalg.qr(jax.random.normal(self.make_rng('params'), (size, size), jnp.float32))
    return rotation


def _collection(name):
  return 'constants' if name in _CONSTANTS else 'params'


def _check_invertible(weight):
  if weight.ndim != 2 or len(weight) != weight.shape[1]:
    raise ValueError(f'a start matrix must be square, not of shape {weight.shape}.')
  if not np.all(np.isfinite(weight)):
    raise ValueError(f'a start matrix of {len(weight)} channels must be finite.')
  # what float32 cannot tell from a singular one
  if np.linalg.matrix_rank(
    weight, tol=len(weight) * np.finfo(np.float32).eps * np.linalg.norm(weight, 2)
  ) < len(weight):
    raise ValueError(
      f'a singular start matrix of {len(weight)} channels has no inverse: its rows must be independent.'
    )


def _factorized(weight):
  permutation, lower, upper = lu(weight)
  scale = jnp.diagonal(upper)
  return _Factors(permutation, lower, upper, jnp.sign(scale), jnp.log(jnp.abs(scale)))


def _triangles(factors):
  scale = factors.sign * jnp.exp(factors.log_scale)
  lower = jnp.tril(factors.lower, -1) + jnp.eye(scale.shape[0], dtype=scale.dtype)
  return lower, jnp.triu(factors.upper, 1) + jnp.diag(scale)
