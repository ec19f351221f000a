"""What every bijector keeps to."""

from typing import Any

import flax.linen as nn
import jax

# f32[B, ...], or a pytree of such where a bijector splits its input, as `MultiScale` does.
Event = Any
# Conditions: `{name: f32[B, ...]}`, or whatever else conditioners read. None, or empty, where there are none.
Given = Any


def nothing(given: Given) -> bool:
  """Whether there is no condition: None, or a mapping without entries."""
  return not jax.tree.leaves(given)


class Bijector(nn.Module):
  """An invertible map between data x and latents z, with the logarithm of the volume that it adds.

  Both methods work on batches: the first axis counts examples, no example sees another (but for batch statistics in
  training), and what they return begins with the same axis. The log-determinant is one number per example, f32[B], in
  nats, in float32 whatever the networks compute in; for the same pair of x and z those of the two directions are each
  other's negative. Every bijector takes `given` and hands it on; most do not look at it.

  Variables: what is learned is in 'params', constants in 'constants', running statistics in any other collection.
  Those but 'params' may be updated where the collection is mutable, which it is in training alone.

  A map whose inverse has no closed form, or a sampler without a density, says so in `has_inverse` or `has_forward`;
  then the method may be missing.
  """

  @property
  def has_forward(self) -> bool:
    """Whether `forward_and_log_det` can be computed: the density can."""
    return True

  @property
  def has_inverse(self) -> bool:
    """Whether `inverse_and_log_det` can be computed: samples can."""
    return True

  def forward_and_log_det(self, x: Event, given: Given = None) -> tuple[Event, jax.Array]:
    """From the data to the latents: `(z, log|det dz/dx|)`, of x [B, ...] and f32[B]."""
    raise NotImplementedError(f'{type(self).__name__} has no closed form from the data to the latents.')

  def inverse_and_log_det(self, z: Event, given: Given = None) -> tuple[Event, jax.Array]:
    """From the latents to the data: `(x, log|det dx/dz|)`, of z as the other direction returns it and f32[B]."""
    raise NotImplementedError(f'{type(self).__name__} has no closed form from the latents to the data.')
