from jaxgen.nn.conv import conv, conv_transpose
from jaxgen.nn.conv_modules import Conv, ConvTranspose

__all__ = ['Conv', 'ConvTranspose', 'conv', 'conv_transpose']
