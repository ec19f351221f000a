"""`jaxgen.models.gan.stylegan` at 32x32, without labels and mixed styles, in PyTorch."""

import math

import torch
import torch.nn.functional as F
from torch import nn

_MAX_CHANNELS, _START, _DOUBLINGS = 512, 4, 3
_GROUP = 4  # examples whose deviation the discriminator sees


def _channels_at(width, halvings):
  return min(width * 2**halvings, _MAX_CHANNELS)


def _leaky(x):
  return F.leaky_relu(x, 0.2) * math.sqrt(2)


def _smoothed(x, padding, stride=1, gain=1.0):
  line = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
  kernel = (gain * line[:, None] * line).expand(x.shape[1], 1, 4, 4)
  return F.conv2d(x, kernel, padding=padding, stride=stride, groups=x.shape[1])


def _upsampled(x):
  line = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
  kernel = (line[:, None] * line).expand(x.shape[1], 1, 4, 4)
  return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=x.shape[1])


class Dense(nn.Module):
  """A linear map with an equalized learning rate."""

  def __init__(self, inputs, outputs, rate=1.0, bias=0.0):
    super().__init__()
    self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
    self.bias = nn.Parameter(torch.full((outputs,), bias / rate))
    self.rate, self.scale = rate, rate / math.sqrt(inputs)

  def forward(self, x):
    return F.linear(x, self.weight * self.scale, self.bias * self.rate)


class Conv(nn.Module):
  """A convolution with an equalized learning rate."""

  def __init__(self, inputs, outputs, size, stride=1, padding=0, bias=True):
    super().__init__()
    self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
    self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
    self.scale, self.stride, self.padding = 1 / math.sqrt(inputs * size**2), stride, padding

  def forward(self, x):
    return F.conv2d(x, self.weight * self.scale, self.bias, self.stride, self.padding)


class Modulated(nn.Module):
  """A convolution whose input, and output where it is demodulated, a style scales."""

  def __init__(self, inputs, outputs, size, styles, demodulate=True, doubled=False):
    super().__init__()
    self.scale = Dense(styles, inputs, bias=1.0)
    self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
    self.gain, self.demodulate, self.doubled = 1 / math.sqrt(inputs * size**2), demodulate, doubled

  def forward(self, x, style):
    weight, scale = self.weight * self.gain, self.scale(style)
    x = x * scale[..., None, None]
    if self.doubled:
      x = _smoothed(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), 1, gain=4.0)
    else:
      x = F.conv2d(x, weight, padding=weight.shape[-1] // 2)
    if not self.demodulate:
      return x
    norm = torch.rsqrt(scale.square() @ weight.square().sum((2, 3)).T + 1e-8)
    return x * norm[..., None, None]


class StyledLayer(nn.Module):
  """A modulated convolution, noise and a rectifier."""

  def __init__(self, inputs, outputs, styles, doubled=False):
    super().__init__()
    self.conv = Modulated(inputs, outputs, 3, styles, doubled=doubled)
    self.strength, self.bias = nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(outputs))

  def forward(self, x, style):
    x = self.conv(x, style)
    x = x + self.strength * torch.randn(len(x), 1, *x.shape[2:])
    return _leaky(x + self.bias[:, None, None])


class ToImage(nn.Module):
  """A modulated convolution of one pixel to three channels."""

  def __init__(self, inputs, styles):
    super().__init__()
    self.conv, self.bias = Modulated(inputs, 3, 1, styles, demodulate=False), nn.Parameter(torch.zeros(3))

  def forward(self, x, style):
    return self.conv(x, style) + self.bias[:, None, None]


class Generator(nn.Module):
  """Latents to images."""

  def __init__(self, model, layout):
    super().__init__()
    size, rate = model['latent_dim'], model['mapping_rate']
    widths = [_channels_at(model['generator_width'], _DOUBLINGS - index) for index in range(_DOUBLINGS + 1)]
    self.mapping = nn.ModuleList([Dense(size, size, rate) for _ in range(model['mapping_layers'])])
    self.constant = nn.Parameter(torch.randn(widths[0], _START, _START))
    self.first, self.first_image = StyledLayer(widths[0], widths[0], size), ToImage(widths[0], size)
    pairs = list(zip(widths[:-1], widths[1:], strict=True))
    self.up = nn.ModuleList([StyledLayer(before, after, size, doubled=True) for before, after in pairs])
    self.flat = nn.ModuleList([StyledLayer(after, after, size) for _, after in pairs])
    self.image = nn.ModuleList([ToImage(after, size) for _, after in pairs])
    self.register_buffer('mean_style', torch.zeros(size))
    self.layout = layout

  def forward(self, z):
    style = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
    for layer in self.mapping:
      style = _leaky(layer(style))
    if self.training:
      self.mean_style.lerp_(style.detach().mean(0), 0.1)
    h = self.constant.expand(len(z), -1, -1, -1).contiguous(memory_format=self.layout)
    h = self.first(h, style)
    image = self.first_image(h, style)
    for up, flat, to_image in zip(self.up, self.flat, self.image, strict=True):
      h = flat(up(h, style), style)
      image = _upsampled(image) + to_image(h, style)
    return image


class Block(nn.Module):
  """A residual block that halves the sides."""

  def __init__(self, inputs, outputs):
    super().__init__()
    self.skip = Conv(inputs, outputs, 1, bias=False)
    self.convs = nn.ModuleList([Conv(inputs, inputs, 3, padding=1), Conv(inputs, outputs, 3, stride=2)])

  def forward(self, x):
    skip = self.skip(_smoothed(x, 1, stride=2))
    h = _leaky(self.convs[1](_smoothed(_leaky(self.convs[0](x)), 2)))
    return (h + skip) / math.sqrt(2)


class Discriminator(nn.Module):
  """Images to logits."""

  def __init__(self, width):
    super().__init__()
    widths = [_channels_at(width, index) for index in range(_DOUBLINGS + 1)]
    self.first, last = Conv(3, width, 1), widths[-1]
    self.blocks = nn.Sequential(*(Block(*pair) for pair in zip(widths[:-1], widths[1:], strict=True)))
    self.conv = Conv(last + 1, last, 3, padding=1)
    self.dense, self.logit = Dense(_START**2 * last, last), Dense(last, 1)

  def forward(self, x):
    h = self.blocks(_leaky(self.first(x)))
    groups = h.reshape(_group(len(h)), -1, *h.shape[1:])
    deviation = (groups.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3)).tile(len(groups))
    h = torch.cat([h, deviation[:, None, None, None].expand(-1, 1, *h.shape[2:])], 1)
    return self.logit(_leaky(self.dense(_leaky(self.conv(h)).flatten(1))))[:, 0]


def _group(batch):
  return max(num for num in range(1, min(_GROUP, batch) + 1) if batch % num == 0)


def networks(config: dict, layout: torch.memory_format) -> tuple[nn.Module, nn.Module]:
  """Generator and discriminator of a config."""
  model = config['model']
  assert not model['style_mixing'] and not model['path_length_weight'] and not config['given']
  return Generator(model, layout), Discriminator(model['discriminator_width'])
