"""A generator of small images, where what a pixel becomes may depend on pixels anywhere, as under a rotation."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgen.nn.conv.layers import Conv
from jaxgen.nn.dense import Dense


class Mixer(nn.Module):
  """y f32[B, H', W', C'] in [-1, 1], perhaps noise z f32[B, D] and more inputs f32[B, K] -> f32[B, *shape] in [-1, 1].

  Layers mix all places, then all channels (Tolstikhin et al., "MLP-Mixer", 2021, equation 1), each round a skip.

  Attributes:
    shape: (H, W, C) of what comes out; y is resized to it.
    width: channels.
    num_layers: of the mixer.
  """

  shape: tuple[int, ...]  # (H, W, C)
  width: int
  num_layers: int

  @nn.compact
  def __call__(self, y: jax.Array, z: jax.Array | None = None, more: jax.Array | None = None) -> jax.Array:
    """Runs the network."""
    height, width, channels = self.shape
    y = jax.image.resize(y, (len(y), height, width, y.shape[-1]), 'nearest')
    h = Conv(self.width, (3, 3))(y)
    inputs = [each for each in (z, more) if each is not None]
    if inputs:
      h = h + Dense(self.width)(jnp.concatenate(inputs, -1))[:, None, None]
    h = h.reshape(len(y), height * width, self.width)
    for _ in range(self.num_layers):
      places = Dense(2 * height * width)(nn.LayerNorm()(h).swapaxes(1, 2))
      h = h + Dense(height * width)(nn.gelu(places)).swapaxes(1, 2)
      h = h + Dense(self.width)(nn.gelu(Dense(2 * self.width)(nn.LayerNorm()(h))))
    return jnp.tanh(Dense(channels)(h)).reshape(len(y), *self.shape)

  @property
  def noise_dim(self) -> int:
    """0: it takes any."""
    return 0
