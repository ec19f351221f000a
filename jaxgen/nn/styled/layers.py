"""The layers of a synthesis network (Karras et al., "Analyzing and improving the image quality of StyleGAN", 2020,
figure 2d): what they compute depends on a style."""

from flax import linen as nn

from jaxgen.nn.equalized import leaky
from jaxgen.nn.styled.modulated_conv import ModulatedConv
from jaxgen.nn.styled.noise import Noise


class StyledLayer(nn.Module):
  """x f32[B, H, W, C], w f32[B, D] -> f32[B, H', W', features], noise and all."""

  features: int
  doubled: bool = False  # the image

  @nn.compact
  def __call__(self, x, w):
    x = Noise()(ModulatedConv(self.features, doubled=self.doubled)(x, w))
    return leaky(x + self.param('bias', nn.initializers.zeros_init(), (self.features,)).astype(x.dtype))


class ToImage(nn.Module):
  """x f32[B, H, W, C], w f32[B, D] -> f32[B, H, W, features]."""

  features: int

  @nn.compact
  def __call__(self, x, w):
    x = ModulatedConv(self.features, (1, 1), demodulate=False)(x, w)
    return x + self.param('bias', nn.initializers.zeros_init(), (self.features,)).astype(x.dtype)
