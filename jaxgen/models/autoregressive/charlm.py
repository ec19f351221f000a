"""A causal transformer for sequences of tokens, small enough for text on two CPU cores.

Vaswani et al., "Attention is all you need" (2017), with normalization before each layer (Xiong et al. 2020) and the
input of a position made of several characters before it, each with an embedding of its own: what n-grams know is there
before attention has learned to find it.

While text is drawn, the keys and values of all characters so far are kept, so that a character costs one position of
the network and not the whole of it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from ml_collections import ConfigDict

from jaxgen.computing import block
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.families.autoregressive import Run
from jaxgen.families.conditions import flat
from jaxgen.nn import Dense
from jaxgen.nn.sequence import CausalLayer, Kept
from jaxgen.settings import autoregressive as settings
from jaxgen.types import Batch, GenerativeModel

KEYS = {
  'width': Key(128, int, 'of the layers, a multiple of the heads', WIDTH),
  'num_layers': Key(2, int, 'of attention and perceptron', DEPTH),
  'num_heads': Key(4, int, 'of attention', '[1, 1024]'),
  'look_back': Key(4, int, 'characters before each that are embedded together', '[1, 1024]'),
  'dropout': Key(0.0, float, "the share of a layer's values that training leaves out", '[0, 1)'),
}

GAPS = True  # of sentences, which a mask says the ends of; see `jaxgen.experiment.build_model`


Given = Batch | None  # conditions, prepared


class CharLM(nn.Module):
  """x [B, T] in [0, levels) and the conditions -> logits f32[B, T, levels], each of the characters before it.

  Attributes:
    context: T, the length of a sequence.
    levels: the size of the vocabulary.
    width: of the layers, a multiple of `num_heads`.
    num_layers: of attention and perceptron.
    num_heads: of attention.
    look_back: characters before each that are embedded together.
    dropout: of the layers.
  """

  context: int
  levels: int
  width: int
  num_layers: int
  num_heads: int
  look_back: int
  dropout: float = 0.0

  def setup(self) -> None:
    small = nn.initializers.normal(0.02)
    # one more than there are characters: what stands before the first one
    self.embed = nn.Embed(self.look_back * (self.levels + 1), self.width, embedding_init=small)
    self.place = self.param('place', small, (self.context, self.width))
    self.condition = nn.Dense(self.width, use_bias=False)
    self.layers = [
      CausalLayer(self.width, self.num_heads, self.dropout, self.context) for _ in range(self.num_layers)
    ]
    self.norm, self.logits = nn.LayerNorm(), Dense(self.levels)

  def __call__(self, x: jax.Array, given: Given, train: bool, context: jax.Array | None = None) -> jax.Array:
    """`context` f32[B, T, width] is what is known of each position besides."""
    before = jnp.pad(x.astype(jnp.int32), ((0, 0), (self.look_back, 0)), constant_values=self.levels)
    seen = jnp.stack([before[:, k : k + x.shape[1]] for k in range(self.look_back)], -1)
    h = self._embedded(seen, self.place[: x.shape[1]], given, context)
    for layer in self.layers:
      h = block(layer, h, train=train)
    return self.logits(self.norm(h))

  def start(self, num: int) -> list[Kept]:
    """What each layer keeps before the first of the characters of `num` texts."""
    return [layer.start(num, self.context) for layer in self.layers]

  def step(
    self,
    seen: jax.Array,
    index: jax.Array,
    kept: Sequence[Kept],
    given: Given,
    context: jax.Array | None = None,
  ) -> tuple[jax.Array, list[Kept]]:
    """The characters before position `index`, i32[B, look_back] -> its logits f32[B, levels], and what is kept."""
    here = None if context is None else lax.dynamic_slice_in_dim(context, index, 1, axis=1)
    h, new = self._embedded(seen[:, None], lax.dynamic_slice_in_dim(self.place, index, 1), given, here), []
    for layer, cache in zip(self.layers, kept, strict=True):
      h, cache = layer.step(h, index, cache)
      new.append(cache)
    return self.logits(self.norm(h))[:, 0], new

  def _embedded(self, seen, place, given, context):
    """i32[B, T, look_back] and f32[T, width] -> f32[B, T, width]; every distance has a table of its own."""
    tables = jnp.arange(self.look_back) * (self.levels + 1)
    h = self.embed(seen + tables).sum(-2) + place
    h = h if context is None else h + context
    return h + self.condition(flat(given))[:, None] if given else h


def cached(network: CharLM) -> Callable[[Run, Any], tuple[Callable, Callable]]:
  """A predictor of `jaxgen.families.autoregressive` that runs one position a character, and keeps what it computed."""

  def predictor(run, given):
    def predict(x, entry, kept):
      padded = jnp.pad(x, ((0, 0), (network.look_back, 0)), constant_values=network.levels)
      seen = lax.dynamic_slice_in_dim(padded, entry, network.look_back, axis=1)
      return run(seen, entry, kept, given, method='step')

    return predict, lambda x: run(len(x), method='start')

  return predictor


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are no tokens, or the heads do not share the width.
  """
  model, x = config.model, settings.tokens(config)
  settings.check_heads(model)
  network = CharLM(
    context=x.shape[0],
    levels=x.levels,
    width=model.width,
    num_layers=model.num_layers,
    num_heads=model.num_heads,
    look_back=model.look_back,
    dropout=model.dropout,
  )
  return settings.assemble(config, network, cached(network))
