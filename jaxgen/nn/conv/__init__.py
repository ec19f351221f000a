"""The convolution: one definition, and on a CPU the fastest of several forms for each shape."""

from jaxgen.nn.conv.functions import Padding, conv, conv_transpose
from jaxgen.nn.conv.layers import Conv, ConvTranspose

__all__ = ['Conv', 'ConvTranspose', 'Padding', 'conv', 'conv_transpose']
