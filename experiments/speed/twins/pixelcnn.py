"""`jaxgen.models.autoregressive.pixelcnn` for one channel, in PyTorch: the same cut kernels, and a cache of one row."""

import torch
import torch.nn.functional as F
from torch import nn

from experiments.speed.twins.training import Average, Optimizer, Twin


class Cropped(nn.Conv2d):
  """A convolution that sees `rows` above a pixel, and its own row too with `centre`."""

  def __init__(self, inputs, outputs, side, centre):
    super().__init__(inputs, outputs, (side // 2 + centre, side))
    self.margins, self.cut = (side // 2, side // 2, side // 2, 0), not centre

  def forward(self, x):
    x = x[:, :, :-1] if self.cut else x
    return super().forward(F.pad(x, self.margins))


class Left(nn.Conv2d):
  """A convolution along the row that sees what is to the left, and the pixel itself with `centre`."""

  def __init__(self, inputs, outputs, side, centre):
    super().__init__(inputs, outputs, (1, side // 2 + centre))
    self.margins, self.cut = (side // 2, 0, 0, 0), not centre

  def forward(self, x):
    x = x[:, :, :, :-1] if self.cut else x
    return super().forward(F.pad(x, self.margins))


def _gate(h):
  filtered, gated = h.chunk(2, 1)
  return torch.tanh(filtered) * torch.sigmoid(gated)


class GatedLayer(nn.Module):
  """One layer of both stacks."""

  def __init__(self, inputs_above, inputs_left, width, side, first, dropout):
    super().__init__()
    self.first = first
    self.above = Cropped(inputs_above, 2 * width, side, centre=not first)
    self.link = nn.Conv2d(2 * width, 2 * width, 1)
    self.left = Left(inputs_left, 2 * width, side, centre=not first)
    self.mix, self.drop = nn.Conv2d(width, width, 1), nn.Dropout(dropout)

  def vertical(self, v):
    h = self.above(v)
    return _gate(h), self.link(h)

  def horizontal(self, x, link):
    y = self.mix(self.drop(_gate(self.left(x) + link)))
    return y if self.first else x + y


class PixelCNN(nn.Module):
  """Images f32[B, 1, H, W] of whole numbers to logits f32[B, levels, H, W]."""

  def __init__(self, levels, width, num_layers, first_kernel, kernel, dropout):
    super().__init__()
    self.levels = levels
    self.layers = nn.ModuleList([GatedLayer(2, 2, width, first_kernel, True, dropout)])
    self.layers.extend(GatedLayer(width, width, width, kernel, False, dropout) for _ in range(num_layers))
    self.head, self.logits = nn.Conv2d(width, width, 1), nn.Conv2d(width, levels, 1)

  def forward(self, x):
    return self.horizontal(x, self.vertical(x))

  def vertical(self, x):
    v, links = self._input(x), []
    for layer in self.layers:
      v, link = layer.vertical(v)
      links.append(link)
    return links

  def horizontal(self, x, links):
    h = self._input(x)
    for layer, link in zip(self.layers, links, strict=True):
      h = layer.horizontal(h, link)
    return self.logits(F.relu(self.head(F.relu(h))))

  def _input(self, x):
    x = x * (2 / (self.levels - 1)) - 1
    return torch.cat([x, torch.ones_like(x)], 1)


def build(config, layout) -> Twin:
  """The model of a config in one memory layout."""
  model, (height, width, channels) = config['model'], config['data']['fields']['x']['shape']
  assert channels == 1 and config['dtype'] == 'float32'
  network = PixelCNN(
    config['data']['fields']['x']['levels'],
    model['width'],
    model['num_layers'],
    model['first_kernel'],
    model['kernel'],
    model['dropout'],
  ).to(memory_format=layout)
  optimizer = Optimizer(network.parameters(), config['optimizer'], config['num_steps'])
  average = Average(network, config['ema_decay'])

  def step(x):
    logits = network(x.float().contiguous(memory_format=layout))
    nll = F.cross_entropy(logits, x[:, 0].long(), reduction='none')
    nll.flatten(1).sum(1).mean().backward()
    optimizer.step()
    average.update()

  def sample(num):
    x = torch.zeros(num, 1, height, width).contiguous(memory_format=layout)
    for row in range(height):
      links = [link[:, :, row : row + 1] for link in average.module.vertical(x)]
      for column in range(width):
        logits = average.module.horizontal(x[:, :, row : row + 1], links)[:, :, 0, column]
        noise = -torch.log(-torch.log(torch.rand_like(logits)))
        x[:, 0, row, column] = (logits + noise).argmax(1).float()
    return x.to(torch.uint8)

  return Twin(list(network.parameters()), step, sample)
