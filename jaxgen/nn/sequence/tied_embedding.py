"""One table of tokens for what is read and what is predicted."""

import math

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.linen.dtypes import promote_dtype
from jax import lax


class TiedEmbedding(nn.Module):
  """Tokens to vectors, and vectors to logits by the same table (Press & Wolf, "Using the output embedding to improve
  language models", 2017, section 3), which is scaled where it is read (Vaswani et al. 2017, section 3.4).

  Attributes:
    levels: the size of the vocabulary, V; as a token it stands before the first one.
    width: of the vectors.
  """

  levels: int
  width: int

  def setup(self) -> None:
    spread = nn.initializers.normal(1 / math.sqrt(self.width))
    self.table = _Table(self.levels + 1, self.width, embedding_init=spread)
    self.bias = self.param('bias', nn.initializers.zeros, (self.levels,))
    self.told = nn.Dense(self.width, use_bias=False)

  def __call__(self, tokens: jax.Array, told: jax.Array | None = None) -> jax.Array:
    """i32[B, T] in [0, V], and what else is known of an example, f32[B, K] -> f32[B, T, width]."""
    h = self.table(tokens) * math.sqrt(self.width)
    return h if told is None else h + self.told(told)[:, None]

  def before(self, x: jax.Array, told: jax.Array | None = None) -> jax.Array:
    """x i32[B, T] -> f32[B, T, width], for each position the token before it."""
    shifted = jnp.pad(x[:, :-1].astype(jnp.int32), ((0, 0), (1, 0)), constant_values=self.levels)
    return self(shifted, told)

  def logits(self, h: jax.Array) -> jax.Array:
    """f32[B, T, width] -> f32[B, T, V]."""
    return self.table.products(h) + self.bias


class _Table(nn.Embed):
  """Of tokens, the last of which is only read."""

  def products(self, h):
    """f32[B, T, width] by the vectors of all other tokens -> f32[B, T, V].

    Were their matrix no array of its own, XLA would compute its gradient from that of all logits, by far the largest
    array of a step, transposed in a copy.
    """
    h, table = promote_dtype(h, self.embedding[:-1], dtype=self.dtype)
    matrix = lax.optimization_barrier(table.T)
    return (h.reshape(-1, self.features) @ matrix).reshape(*h.shape[:-1], matrix.shape[-1])
