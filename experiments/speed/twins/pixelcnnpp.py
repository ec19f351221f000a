"""`jaxgen.models.autoregressive.pixelcnnpp` in PyTorch, with a sampler that keeps the rows above a block."""

import itertools
import math

import torch
import torch.nn.functional as F
from torch import nn

from experiments.speed.twins.tokens import drawn
from experiments.speed.twins.training import Average, Optimizer, Twin

_LEAST_LOG_SCALE = -7.0
_DOWN, _DOWN_RIGHT = (1, 1), (1, 0)


def _concat_elu(x):
  return F.elu(torch.cat([x, -x], 1))


def _with_rows_above(x, above, num):
  return F.pad(x, (0, 0, num, 0)) if above is None else torch.cat([above, x], 2)


class TwoRowConv(nn.Conv2d):
  """A convolution of a row and the one above; also gives the last row of what it has seen."""

  def __init__(self, inputs, outputs, beside, stride=1):
    super().__init__(inputs, outputs, (2, 1 + sum(beside)), stride)
    self.beside = beside

  def forward(self, x, above=None):
    seen = _with_rows_above(x, above, 1)
    return super().forward(F.pad(seen, self.beside)), seen[:, :, -1:]


class Double(nn.ConvTranspose2d):
  """Twice as many rows and columns."""

  def __init__(self, width, beside):
    super().__init__(width, width, (2, 1 + sum(beside)), 2)
    self.cut = sum(beside) - 1

  def forward(self, x):
    return super().forward(x)[..., self.cut :]


class Residual(nn.Module):
  """A gated residual layer with a shortcut of `aside` channels."""

  def __init__(self, width, aside, beside, dropout):
    super().__init__()
    self.conv = TwoRowConv(2 * width, width, beside)
    self.link = nn.Conv2d(2 * aside, width, 1) if aside else None
    self.drop, self.conv_out = nn.Dropout(dropout), TwoRowConv(2 * width, 2 * width, beside)

  def forward(self, x, aside, above):
    first, second = above or (None, None)
    h, last = self.conv(_concat_elu(x), first)
    if aside is not None:
      h = h + self.link(_concat_elu(aside))
    h, last_of_second = self.conv_out(self.drop(_concat_elu(h)), second)
    value, gate = h.chunk(2, 1)
    return x + value * torch.sigmoid(gate), (last, last_of_second)


class PixelCNNpp(nn.Module):
  """f32[B, C, H, W] in [-1, 1] to the parameters of mixtures of whole pixels, and the last rows of all layers."""

  def __init__(self, channels, model):
    super().__init__()
    self.channels, self.components = channels, model['components']
    width, number, sizes, dropout = (model[key] for key in ('width', 'num_layers', 'num_sizes', 'dropout'))

    def streams(counts, asides):
      return nn.ModuleList(
        nn.ModuleList(
          nn.ModuleList(
            [Residual(width, asides[0], _DOWN, dropout), Residual(width, asides[1], _DOWN_RIGHT, dropout)]
          )
          for _ in range(count)
        )
        for count in counts
      )

    def pairs(make):
      return nn.ModuleList(nn.ModuleList([make(_DOWN), make(_DOWN_RIGHT)]) for _ in range(sizes - 1))

    self.above_first = nn.Conv2d(channels + 1, width, (2, 3), padding=(0, 1))
    self.row_first = nn.Conv2d(channels + 1, width, (1, 3), padding=(0, 1))
    self.left_first = nn.Conv2d(channels + 1, width, (2, 1))
    self.down = streams([number] * sizes, (0, width))
    self.up = streams([number, *[number + 1] * (sizes - 1)], (width, 2 * width))
    self.halves = pairs(lambda beside: TwoRowConv(width, width, beside, 2))
    self.doubles = pairs(lambda beside: Double(width, beside))
    numbers = self.components * (1 + 2 * channels + channels * (channels - 1) // 2)
    self.head = nn.Conv2d(width, numbers, 1)

  def forward(self, x, above=None):
    rows = iter(above) if above else itertools.repeat(None)
    seen = _with_rows_above(torch.cat([x, torch.ones_like(x[:, :1])], 1), next(rows), 2)
    v = self.above_first(seen[:, :, :-1])
    h = self.row_first(seen[:, :, 1:-1]) + self.left_first(F.pad(seen[:, :, 1:, :-1], (1, 0)))
    last, shortcuts = [seen[:, :, -2:]], [(v, h)]

    def run(layer, *args):
      y, of_layer = layer(*args)
      last.append(of_layer)
      return y

    for size, level in enumerate(self.down):
      for of_above, of_left in level:
        v = run(of_above, v, None, next(rows))
        h = run(of_left, h, v, next(rows))
        shortcuts.append((v, h))
      if size < len(self.halves):
        halve_v, halve_h = self.halves[size]
        v, h = run(halve_v, v, next(rows)), run(halve_h, h, next(rows))
        shortcuts.append((v, h))
    v, h = shortcuts.pop()
    for size, level in enumerate(self.up):
      for of_above, of_left in level:
        old_v, old_h = shortcuts.pop()
        v = run(of_above, v, old_v, next(rows))
        h = run(of_left, h, torch.cat([v, old_h], 1), next(rows))
      if size < len(self.doubles):
        double_v, double_h = self.doubles[size]
        v, h = double_v(v), double_h(h)
    return self.head(F.elu(h)), last

  def mixture(self, outputs):
    """f32[..., numbers] to logits f32[..., K], and means, log-scales and coefficients f32[..., *, K]."""
    c, k = self.channels, self.components
    logits, *parts = outputs.split([k, c * k, c * k, c * (c - 1) // 2 * k], -1)
    means, log_scales, coefficients = (part.unflatten(-1, (-1, k)) for part in parts)
    log_scales = _LEAST_LOG_SCALE + F.softplus(log_scales - _LEAST_LOG_SCALE) - math.log(2)
    return logits, 0.5 + 0.5 * means, log_scales, torch.tanh(coefficients)


def log_masses(x, means, log_scales, levels):
  """Of values x in [0, levels), the log-mass of each logistic; the arguments broadcast."""
  inverse = torch.exp(-log_scales) / (levels - 1)
  distance = x - means * (levels - 1)
  below, above = F.logsigmoid((distance + 0.5) * inverse), F.logsigmoid((0.5 - distance) * inverse)
  within = below + above + torch.log(-torch.expm1(-inverse))
  return torch.where(x < 0.5, below, torch.where(x > levels - 1.5, above, within))


def _shifted(means, coefficients, x, channel, levels):
  """The means f32[..., K] of a channel given the channels of x [..., C] before it."""
  first = channel * (channel - 1) // 2
  for earlier in range(channel):
    means = means + coefficients[..., first + earlier, :] * (x[..., earlier, None] / (levels - 1) - 0.5)
  return means


def nll(network, outputs, x, levels):
  """f32[B, numbers, H, W] and x [B, C, H, W] to nats f32[B]."""
  logits, means, log_scales, coefficients = network.mixture(outputs.permute(0, 2, 3, 1))
  x = x.permute(0, 2, 3, 1).float()
  joint = F.log_softmax(logits, -1)
  for c in range(network.channels):
    mean = _shifted(means[..., c, :], coefficients, x, c, levels)
    joint = joint + log_masses(x[..., c, None], mean, log_scales[..., c, :], levels)
  return -torch.logsumexp(joint, -1).flatten(1).sum(1)


def _pixel(network, outputs, levels):
  """A pixel f32[B, C], channel after channel, of f32[B, numbers]."""
  logits, means, log_scales, coefficients = network.mixture(outputs)
  joint, values = F.log_softmax(logits, -1), torch.arange(levels, dtype=torch.float32)[:, None]
  x = torch.zeros(len(outputs), network.channels)
  for c in range(network.channels):
    mean, log_scale = _shifted(means[..., c, :], coefficients, x, c, levels), log_scales[..., c, :]
    every = log_masses(values, mean[:, None], log_scale[:, None], levels)
    x[:, c] = drawn(torch.logsumexp(joint[:, None] + every, -1)).float()
    joint = joint + log_masses(x[:, c, None], mean, log_scale, levels)
  return x


def build(config, layout) -> Twin:
  """The model of a config in one memory layout."""
  model, x = config['model'], config['data']['fields']['x']
  (height, width, channels), levels = x['shape'], x['levels']
  network = PixelCNNpp(channels, model).to(memory_format=layout)
  optimizer = Optimizer(network.parameters(), config['optimizer'], config['num_steps'])
  average, unit = Average(network, config['ema_decay']), 2 ** (model['num_sizes'] - 1)

  def to_network(x):
    return (x.float() * (2 / (levels - 1)) - 1).contiguous(memory_format=layout)

  def step(x):
    outputs, _ = network(to_network(x))
    nll(network, outputs, x, levels).mean().backward()
    optimizer.step()
    average.update()

  def sample(num):
    x, above = torch.zeros(num, channels, height, width), None
    for top in range(0, height, unit):
      rows = slice(top, top + unit)
      for row, column in itertools.product(range(top, top + unit), range(width)):
        outputs, _ = average.module(to_network(x[:, :, rows]), above)
        x[:, :, row, column] = _pixel(network, outputs[:, :, row - top, column], levels)
      _, above = average.module(to_network(x[:, :, rows]), above)
    return x.to(torch.uint8)

  return Twin(list(network.parameters()), step, sample, (network, average.module))
