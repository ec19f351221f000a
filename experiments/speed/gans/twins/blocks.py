"""The blocks of `jaxgen.nn.resampling`, and what they are made of, in PyTorch: for even sides."""

import torch
import torch.nn.functional as F
from torch import nn


class Spectral(nn.Module):
  """A weight with a spectral norm of one: one power iteration for each pass in training."""

  def __init__(self, outputs):
    super().__init__()
    self.register_buffer('u', F.normalize(torch.randn(outputs), dim=0))

  def forward(self, weight):
    matrix = weight.flatten(1)
    with torch.no_grad():
      v = F.normalize(matrix.T @ self.u, dim=0)
      u = F.normalize(matrix @ v, dim=0)
      if self.training:  # not in place: the pass before may still want its own for its gradient
        self.u = u
    return weight / (u @ (matrix @ v))


class Conv(nn.Conv2d):
  """A convolution that keeps the size, normalized or not."""

  def __init__(self, inputs, outputs, size, spectral, bias=True):
    super().__init__(inputs, outputs, size, padding=size // 2, bias=bias)
    self.norm = Spectral(outputs) if spectral else nn.Identity()

  def forward(self, x):
    return F.conv2d(x, self.norm(self.weight), self.bias, padding=self.padding)


class Dense(nn.Linear):
  """A linear map, normalized or not."""

  def __init__(self, inputs, outputs, spectral, bias=True):
    super().__init__(inputs, outputs, bias=bias)
    self.norm = Spectral(outputs) if spectral else nn.Identity()

  def forward(self, x):
    return F.linear(x, self.norm(self.weight), self.bias)


class Normalized(nn.Module):
  """Batch normalization, of a condition's gain and bias where `conditions` is not 0, and a rectifier."""

  def __init__(self, channels, conditions, spectral, slope):
    super().__init__()
    self.norm, self.slope = nn.BatchNorm2d(channels, affine=not conditions), slope
    if conditions:
      self.gain, self.bias = (Dense(conditions, channels, spectral, bias=False) for _ in range(2))

  def forward(self, h, condition=None):
    h = self.norm(h)
    if condition is not None:
      h = (1 + self.gain(condition)[..., None, None]) * h + self.bias(condition)[..., None, None]
    return F.leaky_relu(h, self.slope)


class UpBlock(nn.Module):
  """A residual block that doubles the sides."""

  def __init__(self, inputs, outputs, conditions, spectral, slope):
    super().__init__()
    self.first, self.second = (
      Normalized(channels, conditions, spectral, slope) for channels in (inputs, outputs)
    )
    self.convs = nn.ModuleList([Conv(channels, outputs, 3, spectral) for channels in (inputs, outputs)])
    self.skip = Conv(inputs, outputs, 1, spectral)

  def forward(self, x, condition=None):
    h = self.convs[0](_doubled(self.first(x, condition)))
    return self.convs[1](self.second(h, condition)) + _doubled(self.skip(x))


class DownBlock(nn.Module):
  """A residual block that halves the sides, or keeps them."""

  def __init__(self, inputs, outputs, halves, of_image, hidden, spectral, slope):
    super().__init__()
    self.convs = nn.ModuleList([Conv(inputs, hidden, 3, spectral), Conv(hidden, outputs, 3, spectral)])
    self.skip = Conv(inputs, outputs, 1, spectral) if halves or inputs != outputs else nn.Identity()
    self.halves, self.of_image, self.slope = halves, of_image, slope

  def forward(self, x):
    h = self.convs[0](x if self.of_image else F.leaky_relu(x, self.slope))
    h = self.convs[1](F.leaky_relu(h, self.slope))
    if self.halves:
      h, x = F.avg_pool2d(h, 2), F.avg_pool2d(x, 2)
    return h + self.skip(x)


class SelfAttention(nn.Module):
  """`x + gamma * o`; keys and values are the largest of cells of 2x2 places."""

  def __init__(self, channels, spectral):
    super().__init__()
    features = max(channels // 8, 1), max(channels // 8, 1), max(channels // 2, 1)
    self.maps = nn.ModuleList([Conv(channels, each, 1, spectral, bias=False) for each in features])
    self.out = Conv(features[-1], channels, 1, spectral, bias=False)
    self.gamma = nn.Parameter(torch.zeros(()))

  def forward(self, x):
    queries, keys, values = (each(x) for each in self.maps)
    queries, keys, values = (
      each.flatten(2) for each in (queries, F.max_pool2d(keys, 2), F.max_pool2d(values, 2))
    )
    weights = F.softmax(queries.transpose(1, 2) @ keys, -1)
    return x + self.gamma * self.out((values @ weights.transpose(1, 2)).unflatten(2, x.shape[2:]))


def _doubled(x):
  return F.interpolate(x, scale_factor=2, mode='nearest')
