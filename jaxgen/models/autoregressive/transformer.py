"""A Transformer language model: pre-normalization, rotary positions, tied embeddings.

Vaswani et al., "Attention is all you need" (2017), as it is built since: normalized before each layer, and positions by
turning queries and keys, so that attention sees distances alone (Su et al. 2021). In each layer a position sees the
last `config.model.window` ones, itself among them (Beltagy et al., "Longformer", 2020, section 3.1), or, by 0, all.

While text is drawn, keys and values of that window are kept, so that a token costs one position of the network, with
O(window) of attention, at any length: text goes on beyond the context by the knob `length`, in a sliding window.
"""

import jax
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen.computing import block
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.autoregressive import token_by_token
from jaxgen.families.conditions import flat
from jaxgen.nn.sequence import CausalLayer, Kept, TiedEmbedding
from jaxgen.settings import autoregressive as settings
from jaxgen.types import Batch, GenerativeModel

KEYS = {
  'width': Key(128, int, 'of the layers, a multiple of twice the heads', WIDTH),
  'num_layers': Key(4, int, 'of attention and perceptron', DEPTH),
  'num_heads': Key(4, int, 'of attention', '[1, 1024]'),
  'window': Key(
    0, int, 'the last positions that attention sees; 0: all of the context', '[0, 1048576]', before=0
  ),
  'dropout': Key(0.0, float, "the share of a layer's values that training leaves out", '[0, 1)'),
}

GAPS = True  # of sentences, which a mask says the ends of; see `jaxgen.experiment.build_model`


class Transformer(nn.Module):
  """x [B, T] in [0, levels) and the conditions -> logits f32[B, T, levels], each of the tokens before it.

  Attributes:
    window: the last positions that attention sees.
    levels: the size of the vocabulary.
    width: of the layers, a multiple of `2 num_heads`.
    num_layers: of attention and perceptron.
    num_heads: of attention.
    dropout: of embeddings and layers.
  """

  window: int
  levels: int
  width: int
  num_layers: int
  num_heads: int
  dropout: float = 0.0

  def setup(self) -> None:
    self.embedding = TiedEmbedding(self.levels, self.width)
    self.layers = [
      CausalLayer(self.width, self.num_heads, self.dropout, self.window, rotary=True)
      for _ in range(self.num_layers)
    ]
    self.norm, self.drop = nn.LayerNorm(), nn.Dropout(self.dropout)

  def __call__(self, x: jax.Array, given: Batch, train: bool) -> jax.Array:
    h = self.embedding.before(x, flat(given) if given else None)
    h = self.drop(h, deterministic=not train)
    for layer in self.layers:
      h = block(layer, h, train=train)
    return self.embedding.logits(self.norm(h))

  def start(self, x: jax.Array, given: Batch) -> list[Kept]:
    """What each layer keeps before the first token of x [B, T]."""
    del given
    return [layer.start(*x.shape) for layer in self.layers]

  def step(
    self, before: jax.Array, index: jax.Array, kept: list[Kept], given: Batch
  ) -> tuple[jax.Array, list[Kept]]:
    """The token before position `index`, i32[B] -> its logits f32[B, levels], and what is kept."""
    h, new = self.embedding(before[:, None], flat(given) if given else None), []
    for layer, cache in zip(self.layers, kept, strict=True):
      h, cache = layer.step(h, index, cache)
      new.append(cache)
    return self.embedding.logits(self.norm(h))[:, 0], new


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are no tokens, or the heads do not share the width in pairs.
  """
  model, x = config.model, settings.tokens(config)
  settings.check_heads(model)
  if model.width // model.num_heads % 2:
    raise UserError(
      f'config.model.width={model.width} gives each of config.model.num_heads={model.num_heads} heads an odd number, '
      'and rotary positions turn pairs; make it a multiple of twice the heads.'
    )
  window = model.window or x.shape[0]
  network = Transformer(window, x.levels, model.width, model.num_layers, model.num_heads, model.dropout)
  return settings.assemble(config, network, token_by_token(x.levels), goes_on=True)
