"""What every bijector keeps to."""

from typing import Any

import flax.linen as nn
import jax

# f32[B, ...], or a pytree of such where a bijector splits its input, as `MultiScale` does.
Event = Any
# Of one example: (H, W, C), or a tuple of such where a bijector splits its input.
Shape = Any
# Conditions: `{name: f32[B, ...]}`, or whatever else conditioners read. None, or empty, where there are none.
Given = Any


def nothing(given: Given) -> bool:
  """Whether there is no condition: None, or a mapping without entries."""
  return not jax.tree.leaves(given)


class Bijector(nn.Module):
  """An invertible map between data x and latents z, with the logarithm of the volume that it adds.

  Both methods work on batches: the first axis counts examples, no example sees another (but for batch statistics in
  training), and what they return begins with the same axis. The log-determinant is one number per example, f32[B], in
  nats, in float32 whatever the networks compute in, and in float64 for data in float64; for the same pair of x and z
  those of the two directions are each other's negative. Every bijector takes `given` and hands it on; most do not look
  at it.

  Variables: what is learned is in 'params', constants in 'constants', running statistics in any other collection.
  Those but 'params' may be updated where the collection is mutable, which it is in training alone.

  A map whose inverse has no closed form, or a sampler without a density, says so in `has_inverse` or `has_forward`;
  then the method may be missing.

  What it makes of shapes is known before there is an array: `latent_shape` and `data_shape` refuse what it cannot take.
  """

  @property
  def has_forward(self) -> bool:
    """Whether `forward_and_log_det` can be computed: the density can."""
    return True

  @property
  def has_inverse(self) -> bool:
    """Whether `inverse_and_log_det` can be computed: samples can."""
    return True

  @property
  def first(self) -> 'Bijector':
    """The layer that changes the numbers of the data first: itself, and of a container that of one of its parts."""
    return self

  @property
  def rearranges(self) -> bool:
    """Whether it changes no number, but its place alone."""
    return False

  @property
  def constant_log_det(self) -> bool:
    """Whether the log-determinant is the same for all x, whatever is learned; it may depend on the conditions, and in
    training on the batch.
    """
    return False

  @property
  def of_unit_cube(self) -> bool:
    """Whether it takes data in the unit cube alone."""
    return False

  def latent_shape(self, shape: Shape) -> Shape:
    """The shape of the latents of one example of `shape`; as it is, where a bijector says nothing else.

    Raises:
      ValueError: if it cannot take, or not invert, an example of this shape.
    """
    return one_array(shape)

  def data_shape(self, shape: Shape) -> Shape:
    """The shape of one example whose latents are of `shape`, the inverse of `latent_shape`.

    A bijector that keeps shapes need not say it twice: here it is asked for `latent_shape`.

    Raises:
      ValueError: as `latent_shape`.
    """
    return self.latent_shape(shape)

  def forward_and_log_det(self, x: Event, given: Given = None) -> tuple[Event, jax.Array]:
    """From the data to the latents: `(z, log|det dz/dx|)`, of x [B, ...] and f32[B]."""
    raise NotImplementedError(f'{type(self).__name__} has no closed form from the data to the latents.')

  def inverse_and_log_det(self, z: Event, given: Given = None) -> tuple[Event, jax.Array]:
    """From the latents to the data: `(x, log|det dx/dz|)`, of z as the other direction returns it and f32[B]."""
    raise NotImplementedError(f'{type(self).__name__} has no closed form from the latents to the data.')


def one_array(shape: Shape) -> tuple[int, ...]:
  """The shape of one example that is a single array with channels.

  Raises:
    ValueError: if it is a number without an axis, or several arrays, as `MultiScale` returns them.
  """
  if not shape:
    raise ValueError('it takes arrays of at least one axis beside that of the batch, not single numbers.')
  if not all(isinstance(size, int) for size in shape):
    raise ValueError(f'it takes one array, not {len(shape)} of shapes {shape}.')
  return tuple(shape)


def vector(shape: Shape) -> tuple[int]:
  """The shape (D,) of one vector.

  Raises:
    ValueError: if it is something else.
  """
  if len(one_array(shape)) != 1:
    raise ValueError(f'it takes vectors, not arrays of shape {shape}.')
  return tuple(shape)


def image(shape: Shape) -> tuple[int, int, int]:
  """The shape (H, W, C) of one image.

  Raises:
    ValueError: if it is something else.
  """
  if len(one_array(shape)) != 3:
    raise ValueError(f'it takes images of shape (height, width, channels), not arrays of shape {shape}.')
  return tuple(shape)


def shape_through(bijector: Bijector, shape: Shape, layer: str, *, inverse: bool = False) -> Shape:
  """What a part of a container makes of a shape.

  Args:
    bijector: the part.
    shape: of one example; of its latents with `inverse`.
    layer: how the container calls the part, 'bijectors[2]': what is refused is refused under this name.
    inverse: whether it is read from the latents to the data.

  Raises:
    ValueError: as the part, with the layer's name before it: 'bijectors[2] (Squeeze): ...'.
  """
  try:
    return bijector.data_shape(shape) if inverse else bijector.latent_shape(shape)
  except ValueError as error:
    raise ValueError(f'{layer} ({type(bijector).__name__}): {error}') from None
