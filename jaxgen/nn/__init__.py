from jaxgen.nn.conv import conv, conv_transpose
from jaxgen.nn.conv.layers import Conv, ConvTranspose
from jaxgen.nn.dense import Dense
from jaxgen.nn.group_norm import GroupNorm
from jaxgen.nn.made import MADE, MaskedDense
from jaxgen.nn.upsampled_conv import UpsampledConv, upsampled_conv

__all__ = [
  'MADE',
  'Conv',
  'ConvTranspose',
  'Dense',
  'GroupNorm',
  'MaskedDense',
  'UpsampledConv',
  'conv',
  'conv_transpose',
  'upsampled_conv',
]
