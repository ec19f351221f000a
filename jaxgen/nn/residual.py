"""The residual networks that decide what the couplings of an image flow do."""

from collections.abc import Callable

import flax.linen as nn
import jax

from jaxgen.nn.conv.layers import Conv
from jaxgen.nn.weight_norm import WeightNormConv


class ResNet(nn.Module):
  """Residual blocks before the nonlinearity: f32[B, H, W, C] -> f32[B, H, W, features].

  Weight-normalized 3x3 convolutions; in each of `num_blocks` blocks normalization, ReLU and a convolution, twice (He et
  al., "Identity mappings in deep residual networks", 2016, figure 4e). The last layer is a 1x1 convolution that starts
  at zero. A condition adds a linear map of itself to the first layer, from zero too.

  Attributes:
    width: channels of the hidden layers.
    num_blocks: how many blocks.
    features: channels of the output.
    normalize: makes the normalization before each ReLU: `normalize()(h)` of h's shape.
  """

  width: int
  num_blocks: int
  features: int
  normalize: Callable[[], Callable[[jax.Array], jax.Array]]

  @nn.compact
  def __call__(self, x: jax.Array, condition: jax.Array | None = None) -> jax.Array:
    """Runs the network; `condition` is f32[B, K]."""
    zeros = nn.initializers.zeros_init()
    h = WeightNormConv(self.width)(x)
    if condition is not None:
      h += nn.Dense(self.width, use_bias=False, kernel_init=zeros)(condition)[:, None, None]
    for _ in range(self.num_blocks):
      branch = h
      for _ in range(2):
        branch = WeightNormConv(self.width)(nn.relu(self.normalize()(branch)))
      h += branch
    return Conv(self.features, (1, 1), kernel_init=zeros)(nn.relu(self.normalize()(h)))
