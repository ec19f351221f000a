"""`jaxgen.models.autoregressive.wavenet` over codes, in PyTorch: dilated convolutions, and queues while it draws.

'channels last' are the same layers as products of matrices over all positions, which jaxgen has; 'channels first' are
convolutions.
"""

import torch
import torch.nn.functional as F
from torch import nn

from experiments.speed.twins.training import Average, Optimizer, Twin


class Joined(nn.Module):
  """A causal convolution of `kernel` positions `dilation` apart, of f32[B, T, C] by rows, or else f32[B, C, T]."""

  def __init__(self, inputs, outputs, kernel, dilation, rows):
    super().__init__()
    self.distances, self.rows = [dilation * n for n in range(1, kernel)], rows
    if rows:
      self.layer = nn.Linear(kernel * inputs, outputs)
    else:
      self.layer = nn.Conv1d(inputs, outputs, kernel, dilation=dilation)

  def forward(self, h):
    if not self.rows:
      return self.layer(F.pad(h, (max(self.distances, default=0), 0)))
    before = [F.pad(h, (0, 0, d, 0))[:, : h.shape[1]] for d in self.distances]
    return self.layer(torch.cat([h, *before], -1))

  def at(self, h, before):
    """f32[B, C] at one position and those at the distances before it, the nearest first."""
    if self.rows:
      return self.layer(torch.cat([h, *before], -1))
    weight = self.layer.weight.permute(0, 2, 1).flatten(1)  # the farthest first
    return F.linear(torch.cat([*before[::-1], h], -1), weight, self.layer.bias)


class GatedLayer(nn.Module):
  """Filter and gate, with what goes on and what the head gets."""

  def __init__(self, width, skip_width, dilation, kernel, is_last, rows):
    super().__init__()
    self.joined = Joined(width, 2 * width, kernel, dilation, rows)
    self.out = Joined(width, skip_width + (0 if is_last else width), 1, 1, rows)
    self.skip_width, self.axis = skip_width, -1 if rows else 1

  def forward(self, h):
    return self._finished(h, self.joined(h), self.out, self.axis)

  def at(self, h, before):
    return self._finished(h, self.joined.at(h, before), lambda z: self.out.at(z, []), -1)

  def _finished(self, h, joined, out, axis):
    filtered, gate = joined.chunk(2, axis)
    both = out(torch.tanh(filtered) * torch.sigmoid(gate))
    skip = both.narrow(axis, 0, self.skip_width)
    more = both.shape[axis] - self.skip_width
    return (h + both.narrow(axis, self.skip_width, more) if more else h), skip


class WaveNet(nn.Module):
  """Companded values f32[B, T, 1] to f32[B, T, outputs] of those before."""

  def __init__(self, outputs, width, skip_width, dilations, kernel, rows):
    super().__init__()
    self.dilations, self.kernel, self.width, self.rows = dilations, kernel, width, rows
    self.first = Joined(1, width, 1, 1, rows)
    self.layers = nn.ModuleList(
      GatedLayer(width, skip_width, dilation, kernel, n == len(dilations) - 1, rows)
      for n, dilation in enumerate(dilations)
    )
    self.hidden, self.last = (Joined(skip_width, size, 1, 1, rows) for size in (skip_width, outputs))

  def forward(self, y):
    y = F.pad(y, (0, 0, 1, 0))[:, :-1]
    h, total = self.first(y if self.rows else y.transpose(1, 2)), 0
    for layer in self.layers:
      h, skip = layer(h)
      total = total + skip
    outputs = self.last(F.relu(self.hidden(F.relu(total))))
    return outputs if self.rows else outputs.transpose(1, 2)

  def queues(self, num):
    """Of each layer its last inputs, f32[B, dilation (kernel - 1), width]."""
    return [torch.zeros(num, d * (self.kernel - 1), self.width) for d in self.dilations]


class Position(nn.Module):
  """One position of a network, whose queues are written in place."""

  def __init__(self, network):
    super().__init__()
    self.network = network

  def forward(self, before, index, queues):
    """f32[B, 1] at the position before `index`, i64[1] -> f32[B, outputs]."""
    network = self.network
    h, total = network.first.at(before, []), 0
    for layer, queue in zip(network.layers, queues, strict=True):
      places = queue.shape[1]
      seen = [queue.index_select(1, (index - d) % places)[:, 0] for d in layer.joined.distances]
      queue.index_copy_(1, index % places, h[:, None])
      h, skip = layer.at(h, seen)
      total = total + skip
    return network.last.at(F.relu(network.hidden.at(F.relu(total), [])), [])


def build(config, layout) -> Twin:
  """The model of a config, without conditions, by rows or as convolutions."""
  model, x = config['model'], config['data']['fields']['x']
  assert not config['given'] and model['distribution'] == 'categorical' and config['dtype'] == 'float32'
  levels, length = x['levels'], x['shape'][0]
  network = WaveNet(
    levels,
    model['width'],
    model['skip_width'],
    tuple(2**n for n in range(model['num_dilations'])) * model['num_cycles'],
    model['kernel'],
    rows=layout is torch.channels_last,
  )
  optimizer = Optimizer(network.parameters(), config['optimizer'], config['num_steps'])
  average = Average(network, config['ema_decay'])
  position = Position(average.module)

  def values(codes):
    return (2 * codes.float() + 1) / levels - 1

  def step(x):
    logits = network(values(x))
    nll = F.cross_entropy(logits.flatten(0, 1), x.flatten().long(), reduction='none')
    nll.view(len(x), -1).sum(1).mean().backward()
    optimizer.step()
    average.update()

  def sample(num):
    drawn, before, queues = (
      torch.zeros(num, length, 1, dtype=torch.uint8),
      torch.zeros(num, 1),
      network.queues(num),
    )
    for index in torch.arange(length)[:, None]:
      logits = position(before, index, queues)
      noise = -torch.log(-torch.log(torch.rand_like(logits)))
      code = (logits + noise).argmax(1, keepdim=True)
      before = values(code)
      drawn[:, int(index)] = code.to(torch.uint8)
    return drawn

  return Twin(list(network.parameters()), step, sample, (network, position))
