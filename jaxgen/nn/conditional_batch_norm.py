"""Batch normalization whose gain and bias a condition decides."""

from typing import Any

import jax
from flax import linen as nn

from jaxgen.nn.spectral_norm import layers


class ConditionalBatchNorm(nn.Module):
  """`(1 + gain(c)) * normalized(h) + bias(c)`, f32[B, ..., C], with linear maps of the condition c; of a one-hot label
  they are a gain and a bias for each class (de Vries et al., "Modulating early visual processing by language", 2017,
  section 4; Brock et al., "Large scale GAN training for high fidelity natural image synthesis", 2019, section 3).

  Without a condition gain and bias are parameters. Running statistics have a momentum of 0.9.

  Attributes:
    spectral: whether the maps have a spectral norm of one.
    kernel_init: of the maps; zeros start from plain normalization, and have no spectral norm.
    axis_name: of the devices that share batch statistics.
  """

  spectral: bool = False
  kernel_init: Any = nn.initializers.zeros_init()
  axis_name: str | None = None

  @nn.compact
  def __call__(self, h: jax.Array, condition: jax.Array | None, train: bool) -> jax.Array:
    """Normalizes; `condition` is f32[B, K] or nothing."""
    h = nn.BatchNorm(
      use_running_average=not train,
      momentum=0.9,
      axis_name=self.axis_name,
      use_scale=condition is None,
      use_bias=condition is None,
    )(h)
    if condition is None:
      return h
    dense = layers(self.spectral, train, kernel_init=self.kernel_init, use_bias=False).dense
    maps = [dense(h.shape[-1])(condition) for _ in range(2)]
    gain, bias = (each.reshape(len(each), *(1,) * (h.ndim - 2), -1) for each in maps)
    return (1 + gain) * h + bias
