"""`jaxgen.models.flow.glow` in PyTorch."""

import torch
import torch.nn.functional as F
from torch import nn

from experiments.speed.twins.training import Average, Optimizer, Twin, normal_log_prob


class ActNorm(nn.Module):
  """`z = exp(log_scale) (x + shift)`, initialized by the first batch."""

  def __init__(self, channels):
    super().__init__()
    self.shift = nn.Parameter(torch.zeros(channels, 1, 1))
    self.log_scale = nn.Parameter(torch.zeros(channels, 1, 1))
    self.fresh = True

  def forward(self, x):
    if self.fresh:
      with torch.no_grad():
        self.shift.copy_(-x.mean((0, 2, 3), keepdim=True)[0])
        self.log_scale.copy_(-torch.log(x.std((0, 2, 3), keepdim=True)[0] + 1e-6))
      self.fresh = False
    return (x + self.shift) * torch.exp(self.log_scale)

  def log_det(self, x):
    return self.log_scale.sum() * (x.shape[2] * x.shape[3])

  def inverse(self, z):
    return z * torch.exp(-self.log_scale) - self.shift


class InvertibleConv(nn.Module):
  """`W = P L (U + diag(s))`."""

  def __init__(self, channels):
    super().__init__()
    permutation, lower, upper = torch.linalg.lu(torch.linalg.qr(torch.randn(channels, channels))[0])
    scale = upper.diagonal()
    self.register_buffer('permutation', permutation)
    self.register_buffer('sign', scale.sign())
    self.lower, self.upper = nn.Parameter(lower), nn.Parameter(upper.clone())
    self.log_scale = nn.Parameter(scale.abs().log())

  def factors(self):
    lower = torch.tril(self.lower, -1) + torch.eye(len(self.sign))
    return lower, torch.triu(self.upper, 1) + torch.diag(self.sign * torch.exp(self.log_scale))

  def forward(self, x):
    lower, upper = self.factors()
    return F.conv2d(x, (self.permutation @ lower @ upper)[:, :, None, None])

  def log_det(self, x):
    return self.log_scale.sum() * (x.shape[2] * x.shape[3])

  def inverse(self, z):
    lower, upper = self.factors()
    weight = torch.linalg.solve_triangular(lower, self.permutation.T, upper=False, unitriangular=True)
    return F.conv2d(z, torch.linalg.solve_triangular(upper, weight, upper=True)[:, :, None, None])


class ZeroConv(nn.Module):
  """A 3x3 convolution from zero, with an output scale."""

  def __init__(self, inputs, outputs):
    super().__init__()
    self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
    nn.init.zeros_(self.conv.weight)
    nn.init.zeros_(self.conv.bias)
    self.log_scale = nn.Parameter(torch.zeros(outputs, 1, 1))

  def forward(self, x):
    return self.conv(x) * torch.exp(3 * self.log_scale)


def conditioner(inputs, width, outputs):
  """3x3, 1x1 and 3x3."""
  layers = (
    nn.Conv2d(inputs, width, 3, padding=1, bias=False),
    ActNorm(width),
    nn.ReLU(inplace=True),
    nn.Conv2d(width, width, 1, bias=False),
    ActNorm(width),
    nn.ReLU(inplace=True),
    ZeroConv(width, outputs),
  )
  for layer in layers[::3][:2]:
    nn.init.normal_(layer.weight, std=0.05)
  return nn.Sequential(*layers)


class Step(nn.Module):
  """Activation normalization, 1x1 convolution, affine coupling."""

  def __init__(self, channels, width):
    super().__init__()
    self.actnorm, self.conv = ActNorm(channels), InvertibleConv(channels)
    self.network = conditioner(channels // 2, width, channels)

  def scale(self, kept):
    shift, s = self.network(kept).chunk(2, 1)
    return shift, F.logsigmoid(s + 2)

  def forward(self, x):
    log_det = self.actnorm.log_det(x) + self.conv.log_det(x)
    kept, moved = self.conv(self.actnorm(x)).chunk(2, 1)
    shift, log_scale = self.scale(kept)
    moved = (moved + shift) * torch.exp(log_scale)
    return torch.cat([kept, moved], 1), log_det + log_scale.flatten(1).sum(1)

  def inverse(self, z):
    kept, moved = z.chunk(2, 1)
    shift, log_scale = self.scale(kept)
    moved = moved * torch.exp(-log_scale) - shift
    return self.actnorm.inverse(self.conv.inverse(torch.cat([kept, moved], 1)))


class Prior(nn.Module):
  """`z = (z + shift) exp(log_scale)`, both from what stays."""

  def __init__(self, inputs, outputs):
    super().__init__()
    self.conv = ZeroConv(inputs, 2 * outputs)

  def scale(self, kept):
    shift, s = self.conv(kept).chunk(2, 1)
    return shift, 10 * torch.tanh(s / 10)

  def forward(self, kept, z):
    shift, log_scale = self.scale(kept)
    return (z + shift) * torch.exp(log_scale), log_scale.flatten(1).sum(1)

  def inverse(self, kept, z):
    shift, log_scale = self.scale(kept)
    return z * torch.exp(-log_scale) - shift


class Glow(nn.Module):
  """All levels."""

  def __init__(self, shape, depth, levels, width):
    super().__init__()
    self.steps, self.priors, self.shapes = nn.ModuleList(), nn.ModuleList(), []
    height, breadth, channels = shape
    for level in range(levels):
      channels, height, breadth = 4 * channels, height // 2, breadth // 2
      self.steps.append(nn.ModuleList(Step(channels, width) for _ in range(depth)))
      last = level == levels - 1
      leaving = channels if last else channels // 2
      self.priors.append(Prior(leaving, leaving))
      self.shapes.append((leaving, height, breadth))
      channels -= 0 if last else leaving

  def forward(self, x):
    total = 0.0
    for steps, prior in zip(self.steps, self.priors, strict=True):
      x = F.pixel_unshuffle(x, 2)
      for step in steps:
        x, log_det = step(x)
        total = total + log_det
      if prior is self.priors[-1]:
        z, log_det = prior(torch.zeros_like(x), x)
      else:
        x, z = x.chunk(2, 1)
        z, log_det = prior(x, z)
      total = total + log_det + normal_log_prob(z)
    return total

  def inverse(self, latents):
    x = None
    for steps, prior, z in zip(reversed(self.steps), reversed(self.priors), reversed(latents), strict=True):
      x = prior.inverse(torch.zeros_like(z), z) if x is None else torch.cat([x, prior.inverse(x, z)], 1)
      for step in reversed(steps):
        x = step.inverse(x)
      x = F.pixel_shuffle(x, 2)
    return x


def build(config, layout) -> Twin:
  """The model of a config in one memory layout."""
  model, x = config['model'], config['data']['fields']['x']
  shape, levels = x['shape'], x['levels']
  assert model['coupling'] == 'affine'
  flow = Glow(shape, model['depth'], model['levels'], model['width']).to(memory_format=layout)
  optimizer = Optimizer(flow.parameters(), config['optimizer'], config['num_steps'])
  dims, average = shape[0] * shape[1] * shape[2], None

  def step(x):
    nonlocal average
    x = (x.float() + torch.rand(x.shape)) / levels - 0.5
    loss = -flow(x.contiguous(memory_format=layout)) / dims
    loss.mean().backward()
    optimizer.step()
    average = average or Average(flow, config['ema_decay'])
    average.update()

  def sample(num):
    latents = [torch.randn(num, *s).contiguous(memory_format=layout) for s in flow.shapes]
    x = average.module.inverse(latents) + 0.5
    return torch.clamp(torch.floor(x * levels), 0, levels - 1).to(torch.uint8)

  return Twin(list(flow.parameters()), step, sample)
