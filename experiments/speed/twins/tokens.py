"""What the language models share: one table for what is read and what is predicted, a training step, a drawn text."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from experiments.speed.twins.training import Average, Optimizer, Twin


class TiedEmbedding(nn.Module):
  """`jaxgen.nn.sequence.TiedEmbedding`; the last token of the table stands before the first one."""

  def __init__(self, levels, width):
    super().__init__()
    self.levels, self.scale = levels, math.sqrt(width)
    self.table = nn.Embedding(levels + 1, width)
    self.bias = nn.Parameter(torch.zeros(levels))
    nn.init.normal_(self.table.weight, std=1 / self.scale)

  def forward(self, tokens):
    return self.table(tokens) * self.scale

  def before(self, x):
    """Of i64[B, T], for each position the token before it."""
    return self(F.pad(x[:, :-1], (1, 0), value=self.levels))

  def logits(self, h):
    return F.linear(h, self.table.weight[: self.levels], self.bias)


def drawn(logits: torch.Tensor) -> torch.Tensor:
  """A draw from softmax(logits f32[B, L]), i64[B], by Gumbel's noise, as jaxgen draws."""
  return (logits - torch.log(-torch.log(torch.rand_like(logits)))).argmax(-1)


def language_model(config, network, stepper) -> Twin:
  """The twin of a network of tokens.

  Args:
    config: of the run.
    network: `i64[B, T] -> f32[B, T, levels]`.
    stepper: `network -> module`, whose `start(num)` gives what is kept before the first token, and which, called with
      `(before i64[B], index i64[], kept)`, gives logits f32[B, levels] and what is kept.
  """
  x = config['data']['fields']['x']
  optimizer = Optimizer(network.parameters(), config['optimizer'], config['num_steps'])
  average = Average(network, config['ema_decay'])
  one_by_one = stepper(average.module)

  def step(x):
    x = x.long()
    nll = F.cross_entropy(network(x).flatten(0, 1), x.flatten(), reduction='none')
    nll.reshape(x.shape).sum(1).mean().backward()
    optimizer.step()
    average.update()

  def sample(num):
    return written(one_by_one, num, x['shape'][0], x['levels'])

  return Twin([p for p in network.parameters() if p.requires_grad], step, sample, (network, one_by_one))


def written(one_by_one, num, length, levels):
  """Texts i64[num, length], token by token."""
  kept, token, texts = one_by_one.start(num), torch.full((num,), levels), torch.zeros(num, length).long()
  for index in torch.arange(length):
    logits, kept = one_by_one(token, index, kept)
    texts[:, index] = token = drawn(logits)
  return texts
