"""A layer of a Transformer that looks backwards alone, over a whole sequence or one position after the other."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxgen.nn.dense import Dense
from jaxgen.nn.sequence.rotary import rotated

# The keys and the values of the last W positions, f32[B, W, heads, width / heads] each: position t in place t % W.
Kept = Sequence[jax.Array]


class CausalLayer(nn.Module):
  """Attention and a perceptron, each normalized before and round a skip (Vaswani et al., "Attention is all you need",
  2017, equation 1; Xiong et al., "On layer normalization in the Transformer architecture", 2020, figure 1b).

  Attributes:
    width: of what goes through; a multiple of `num_heads`.
    num_heads: of attention.
    dropout: the share of both outputs that training leaves out.
    window: W, the last positions that one sees, itself among them.
    rotary: whether attention sees distances; otherwise positions must be in what goes through.
  """

  width: int
  num_heads: int
  dropout: float
  window: int
  rotary: bool = False

  def setup(self) -> None:
    self.norms = [nn.LayerNorm(), nn.LayerNorm()]
    self.qkv = Dense(3 * self.width, use_bias=False)
    self.out = Dense(self.width, use_bias=False)
    self.inner, self.outer = Dense(4 * self.width), Dense(self.width)
    self.drop = nn.Dropout(self.dropout)

  def __call__(self, h: jax.Array, train: bool) -> jax.Array:
    """f32[B, T, width] -> f32[B, T, width], where a position sees the last `window` up to itself."""
    positions = jnp.arange(h.shape[1])
    distance = positions[:, None] - positions
    query, keys, values = self._projected(h, positions)
    visible = (distance >= 0) & (distance < self.window)
    return self._finished(h, _attended(query, keys, values, visible), train)

  def start(self, num: int, length: int) -> Kept:
    """What is kept before the first position, of `num` sequences of a length."""
    shape = (num, min(length, self.window), self.num_heads, self.width // self.num_heads)
    return [jnp.zeros(shape), jnp.zeros(shape)]

  def step(self, h: jax.Array, index: jax.Array, kept: Kept) -> tuple[jax.Array, Kept]:
    """f32[B, 1, width] at position `index`, i32[] -> the same, and what is kept of the positions up to it."""
    query, *new = self._projected(h, index[None])
    places = kept[0].shape[1]
    keys, values = (
      lax.dynamic_update_slice_in_dim(old, one.astype(old.dtype), index % places, axis=1)
      for old, one in zip(kept, new, strict=True)
    )
    visible = jnp.arange(places)[None] <= index  # once all places are filled, all of them
    return self._finished(h, _attended(query.astype(keys.dtype), keys, values, visible), False), [
      keys,
      values,
    ]

  def _projected(self, h, positions):
    """Queries, keys and values, f32[B, T, heads, width / heads] each."""
    heads = self.qkv(self.norms[0](h)).reshape(*h.shape[:2], 3, self.num_heads, -1)
    query, keys, values = jnp.moveaxis(heads, 2, 0)
    if self.rotary:
      query, keys = rotated(query, positions), rotated(keys, positions)
    return query, keys, values

  def _finished(self, h, attended, train):
    h = h + self.drop(self.out(attended), deterministic=not train)
    return h + self.drop(self.outer(nn.gelu(self.inner(self.norms[1](h)))), deterministic=not train)


def _attended(query, keys, values, visible):
  """f32[B, T, heads, d] and f32[B, S, heads, d] twice, bool[T, S] -> f32[B, T, heads d]."""
  attended = jax.nn.dot_product_attention(query, keys, values, mask=visible[None, None])
  return attended.reshape(*query.shape[:2], -1)
