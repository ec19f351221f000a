"""`jaxgen.models.autoregressive.rnnlm` of LSTM cells in PyTorch."""

import torch
from torch import nn

from experiments.speed.twins.tokens import TiedEmbedding, language_model


class RNNLM(nn.Module):
  """Tokens i64[B, T] to logits f32[B, T, levels]. The second of the biases that cells have here is none: it stays 0."""

  def __init__(self, levels, width, num_layers, dropout):
    super().__init__()
    self.embedding, self.drop = TiedEmbedding(levels, width), nn.Dropout(dropout)
    between = dropout if num_layers > 1 else 0.0
    self.cells = nn.LSTM(width, width, num_layers, batch_first=True, dropout=between)
    for name, parameter in self.cells.named_parameters():
      if name.startswith('bias_hh'):
        nn.init.zeros_(parameter).requires_grad_(False)

  def forward(self, x):
    h, _ = self.cells(self.drop(self.embedding.before(x)))
    return self.embedding.logits(self.drop(h))


class OneByOne(nn.Module):
  """The same, one token after the other: `(before, index, state) -> (logits, state)`."""

  def __init__(self, network):
    super().__init__()
    self.network = network

  def start(self, num):
    cells = self.network.cells
    zeros = torch.zeros(cells.num_layers, num, cells.hidden_size)
    return zeros, zeros

  def forward(self, before, index, state):
    del index
    h, state = self.network.cells(self.network.embedding(before[:, None]), state)
    return self.network.embedding.logits(h[:, 0]), state


def build(config, layout):
  """The model of a config; sequences have one memory layout."""
  del layout
  model, x = config['model'], config['data']['fields']['x']
  assert model['cell'] == 'lstm'
  network = RNNLM(x['levels'], model['width'], model['num_layers'], model['dropout'])
  return language_model(config, network, OneByOne)
