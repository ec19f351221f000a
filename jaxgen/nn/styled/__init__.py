"""Layers that a style and noise shape: StyleGAN2's."""

from jaxgen.nn.styled.layers import StyledLayer, ToImage
from jaxgen.nn.styled.modulated_conv import ModulatedConv, modulated_conv
from jaxgen.nn.styled.noise import Noise

__all__ = ['ModulatedConv', 'Noise', 'StyledLayer', 'ToImage', 'modulated_conv']
