"""`jaxgen.models.autoregressive.transformer` in PyTorch: pre-normalized, rotary positions, a tied table."""

import torch
import torch.nn.functional as F
from torch import nn

from experiments.speed.twins.tokens import TiedEmbedding, language_model

_SLOWEST = 10_000.0


def rotated(x, positions):
  """f32[B, heads, T, d], whose pairs i and i + d / 2 are turned by their position i64[T]."""
  half = x.shape[-1] // 2
  rates = _SLOWEST ** (-torch.arange(half, dtype=torch.float32) / half)
  angles = positions[:, None].float() * rates
  cos, sin = angles.cos(), angles.sin()
  one, other = x.split(half, -1)
  return torch.cat([one * cos - other * sin, one * sin + other * cos], -1)


class Layer(nn.Module):
  """Attention and a perceptron, each normalized before and round a skip."""

  def __init__(self, width, num_heads, dropout):
    super().__init__()
    self.heads = num_heads
    self.norms = nn.ModuleList(nn.LayerNorm(width, eps=1e-6) for _ in range(2))
    self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
    self.inner, self.outer = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
    self.drop = nn.Dropout(dropout)

  def forward(self, h):
    query, keys, values = self._projected(h, torch.arange(h.shape[1]))
    return self._finished(h, F.scaled_dot_product_attention(query, keys, values, is_causal=True))

  def step(self, h, index, kept):
    """One position, f32[B, 1, width] at i64[]; its key and value go into `kept`, f32[2, B, heads, W, d]."""
    query, *new = self._projected(h, index[None])
    places = kept.shape[3]
    kept.index_copy_(3, index[None] % places, torch.stack(new))
    visible = torch.arange(places) <= index
    return self._finished(h, F.scaled_dot_product_attention(query, *kept, attn_mask=visible[None]))

  def _projected(self, h, positions):
    heads = self.qkv(self.norms[0](h)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
    query, keys, values = heads
    return rotated(query, positions), rotated(keys, positions), values

  def _finished(self, h, attended):
    h = h + self.drop(self.out(attended.transpose(1, 2).flatten(2)))
    return h + self.drop(self.outer(F.gelu(self.inner(self.norms[1](h)), approximate='tanh')))


class Transformer(nn.Module):
  """Tokens i64[B, T] to logits f32[B, T, levels]; attention sees all of the context."""

  def __init__(self, levels, width, num_layers, num_heads, dropout):
    super().__init__()
    self.embedding, self.drop = TiedEmbedding(levels, width), nn.Dropout(dropout)
    self.layers = nn.ModuleList(Layer(width, num_heads, dropout) for _ in range(num_layers))
    self.norm = nn.LayerNorm(width, eps=1e-6)

  def forward(self, x):
    h = self.drop(self.embedding.before(x))
    for layer in self.layers:
      h = layer(h)
    return self.embedding.logits(self.norm(h))

  def following(self, x):
    """The logits f32[B, levels] of what follows tokens i64[B, T], the first of which may be the one before all."""
    h = self.embedding(x)
    for layer in self.layers:
      h = layer(h)
    return self.embedding.logits(self.norm(h[:, -1]))


def fill(network: Transformer, weights) -> None:
  """Sets the weights to those of Linen's module, arrays by names such as 'layers_0/qkv/kernel'."""
  modules = {'embedding/table': network.embedding.table, 'norm': network.norm}
  for index, layer in enumerate(network.layers):
    modules |= {f'layers_{index}/norms_{place}': norm for place, norm in enumerate(layer.norms)}
    modules |= {f'layers_{index}/{name}': getattr(layer, name) for name in ('qkv', 'out', 'inner', 'outer')}
  with torch.no_grad():
    network.embedding.bias.copy_(torch.from_numpy(weights['embedding/bias']))
    for name, module in modules.items():
      kind = next(kind for kind in ('kernel', 'scale', 'embedding') if f'{name}/{kind}' in weights)
      values = torch.from_numpy(weights[f'{name}/{kind}'])
      module.weight.copy_(values.T if kind == 'kernel' else values)
      if f'{name}/bias' in weights:
        module.bias.copy_(torch.from_numpy(weights[f'{name}/bias']))


class OneByOne(nn.Module):
  """The same, one token after the other, whose keys and values of the last `window` are kept."""

  def __init__(self, network, window):
    super().__init__()
    self.network, self.window = network, window

  def start(self, num):
    layer = self.network.layers[0]
    width = layer.out.in_features
    shape = 2, num, layer.heads, self.window, width // layer.heads
    return [torch.zeros(shape) for _ in self.network.layers]

  def forward(self, before, index, kept):
    h = self.network.embedding(before[:, None])
    for layer, cache in zip(self.network.layers, kept, strict=True):
      h = layer.step(h, index, cache)
    return self.network.embedding.logits(self.network.norm(h))[:, 0], kept


def build(config, layout):
  """The model of a config; sequences have one memory layout."""
  del layout
  model, x = config['model'], config['data']['fields']['x']
  assert not model['window']
  network = Transformer(
    x['levels'], model['width'], model['num_layers'], model['num_heads'], model['dropout']
  )
  return language_model(config, network, lambda network: OneByOne(network, x['shape'][0]))
