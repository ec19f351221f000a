"""Noise that a network is given at each layer."""

import jax
from flax import linen as nn

_PRIME = 2**31 - 1


class Noise(nn.Module):
  """`x + strength * noise`, one N(0, 1) for each pixel and all of its channels: f32[B, H, W, C] -> f32[B, H, W, C].

  The strength is learned, from zero on (Karras et al., "Analyzing and improving the image quality of StyleGAN", 2020,
  section 2). Where the network is applied with a key for 'noise' every example has draws of its own, which are a
  function of that key; without one all have the same, which never change and are of this layer alone.
  """

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Adds it."""
    strength = self.param('strength', nn.initializers.zeros_init(), ())
    if self.has_rng('noise'):
      noise = jax.random.normal(self.make_rng('noise'), (*x.shape[:-1], 1))
    else:
      own = int.from_bytes('/'.join(self.path).encode()) % _PRIME  # a number for each path
      noise = jax.random.normal(jax.random.key(own), (1, *x.shape[1:-1], 1))
    return x + (strength * noise).astype(x.dtype)
