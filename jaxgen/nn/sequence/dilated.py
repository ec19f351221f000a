"""Stacks of gated, dilated, causal convolutions: over a whole sequence, or one position after the other."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxgen.computing import block
from jaxgen.nn.dense import Dense

# What goes through a layer at its last `dilation (kernel - 1)` positions, f32[B, that many, width]: position t in
# place t modulo that many.
Queue = jax.Array


class GatedLayer(nn.Module):
  """A causal convolution whose filter and gate are multiplied, with what it adds to the next layer and to the head.

    z = tanh(W_f * h + V_f c) sigmoid(W_g * h + V_g c),  h + W_h z,  W_s z

  van den Oord et al., "WaveNet: a generative model for raw audio" (2016), equations 2 and 3 and figure 4.

  Attributes:
    width: of h.
    skip_width: of what the head gets.
    dilation: positions between those that are joined.
    kernel: how many are joined, the present one among them.
    is_last: whether no layer follows, for which h would be made.
  """

  width: int
  skip_width: int
  dilation: int
  kernel: int = 2
  is_last: bool = False

  def setup(self) -> None:
    self.joined = Dense(2 * self.width)
    self.out = Dense(self.skip_width + (0 if self.is_last else self.width))

  def __call__(self, h: jax.Array, condition: jax.Array | None = None) -> tuple[jax.Array, jax.Array]:
    """f32[B, T, width], and V c as f32[B, S, 2 width], each for T / S positions -> the next h, f32[B, T, skip_width].

    Behind the beginning of a sequence stand zeros.
    """
    joined = self.joined(jnp.concatenate([h, *(delayed(h, d) for d in self._distances)], axis=-1))
    if condition is not None:
      spread = joined.reshape(*condition.shape[:2], -1, 2 * self.width) + condition[:, :, None]
      joined = spread.reshape(joined.shape)
    return self._finished(h, joined)

  def start(self, num: int) -> Queue:
    """What is kept before the first position, of `num` sequences."""
    return jnp.zeros((num, self.dilation * (self.kernel - 1), self.width))

  def step(
    self, h: jax.Array, index: jax.Array, queue: Queue, condition: jax.Array | None = None
  ) -> tuple[jax.Array, jax.Array, Queue]:
    """f32[B, width] at position `index`, i32[], and its f32[B, 2 width] -> the same as above, and the next queue."""
    places = queue.shape[1]
    before = [
      lax.dynamic_index_in_dim(queue, (index - d) % places, axis=1, keepdims=False) for d in self._distances
    ]
    joined = self.joined(jnp.concatenate([h, *before], axis=-1))
    queue = lax.dynamic_update_index_in_dim(queue, h.astype(queue.dtype), index % places, axis=1)
    return *self._finished(h, joined if condition is None else joined + condition), queue

  @property
  def _distances(self):
    return [self.dilation * steps for steps in range(1, self.kernel)]

  def _finished(self, h, joined):
    filtered, gate = jnp.split(joined, 2, axis=-1)
    skip, *more = jnp.split(self.out(jnp.tanh(filtered) * nn.sigmoid(gate)), [self.skip_width], -1)
    return h if self.is_last else h + more[0], skip


class DilatedStack(nn.Module):
  """x f32[B, T, C] -> f32[B, T, outputs], at each position of the `reach` positions before it, itself not among them.

  Layers upon each other, each of which adds to what the next one reads and to what the head reads (WaveNet, sections
  2.1 and 2.4). One position after the other each layer reads its past off a queue (Paine et al., "Fast WaveNet
  generation algorithm", 2016), so that a position costs the same however long the sequence is.

  Attributes:
    outputs: for each position.
    width: of what goes through the layers.
    skip_width: of what the head reads.
    dilations: of the layers: 1, 2, 4, ..., 512, and so once more.
    kernel: positions that a layer joins.
  """

  outputs: int
  width: int
  skip_width: int
  dilations: Sequence[int]
  kernel: int = 2

  def setup(self) -> None:
    self.first = Dense(self.width)
    last = len(self.dilations) - 1
    self.layers = [
      GatedLayer(self.width, self.skip_width, dilation, self.kernel, is_last=n == last)
      for n, dilation in enumerate(self.dilations)
    ]
    conditions = 2 * self.width * len(self.dilations)
    self.of_sequence, self.of_place = (Dense(conditions, use_bias=False) for _ in range(2))
    self.hidden, self.last = Dense(self.skip_width), Dense(self.outputs)

  @property
  def reach(self) -> int:
    """How many positions before it an output depends on."""
    return 1 + (self.kernel - 1) * sum(self.dilations)

  def __call__(
    self, x: jax.Array, told: jax.Array | None = None, local: jax.Array | None = None
  ) -> jax.Array:
    """f32[B, T, C] -> f32[B, T, outputs].

    Args:
      x: of which an output sees what comes before it; before the first position stand zeros.
      told: f32[B, K], what is known of a whole sequence (equation 3).
      local: f32[B, S, L], what is known of its S equal parts, of T / S positions each (section 2.5): every position
        gets what is known of its part.
    """
    h, skips = self.first(delayed(x, 1)), []
    conditions = self._conditions(told if told is None else told[:, None], local)
    for layer, condition in zip(self.layers, conditions, strict=True):
      h, skip = block(layer, h, condition)
      skips.append(skip)
    return self._head(skips)

  def start(self, num: int) -> list[Queue]:
    """What the layers keep before the first position of `num` sequences."""
    return [layer.start(num) for layer in self.layers]

  def step(
    self,
    before: jax.Array,
    index: jax.Array,
    queues: Sequence[Queue],
    told: jax.Array | None = None,
    here: jax.Array | None = None,
  ) -> tuple[jax.Array, list[Queue]]:
    """One position: f32[B, outputs], and the queues after it.

    Args:
      before: f32[B, C], x at the position before this one, zeros before the first.
      index: i32[], of the position; they come one after the other.
      queues: after the position before.
      told: f32[B, K], as above.
      here: f32[B, L], what is known of the part in which the position lies.
    """
    h, skips, new = self.first(before), [], []
    for layer, queue, condition in zip(self.layers, queues, self._conditions(told, here), strict=True):
      h, skip, queue = layer.step(h, index, queue, condition)
      skips.append(skip)
      new.append(queue)
    return self._head(skips), new

  def _conditions(self, told, local):
    """V c of each layer, f32[B, ..., 2 width], or None: found before it is spread over positions, which is linear."""
    known = [dense(c) for dense, c in ((self.of_sequence, told), (self.of_place, local)) if c is not None]
    return jnp.split(sum(known), len(self.dilations), axis=-1) if known else [None] * len(self.dilations)

  def _head(self, skips):
    hidden = nn.relu(self.hidden(nn.relu(sum(skips))))
    return self.last(hidden).astype(jnp.float32)


def delayed(x: jax.Array, steps: int) -> jax.Array:
  """f32[B, T, C] -> the same, so many positions later, behind zeros."""
  length = x.shape[1]
  return jnp.pad(x[:, : max(0, length - steps)], ((0, 0), (min(steps, length), 0), (0, 0)))
