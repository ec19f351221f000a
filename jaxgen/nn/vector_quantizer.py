"""A codebook: vectors are replaced by the nearest of a number of learned ones."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax


class Quantized(NamedTuple):
  """What a codebook makes of vectors.

  Attributes:
    z: f32[B, ..., D], the nearest codes, whose gradient goes to the vectors as they came: straight through.
    codes: i32[B, ...], which they are.
    commitment: f32[B], the squared distance of the vectors to their codes, summed; it moves the vectors alone.
    perplexity: f32[], exp of the entropy of how often the codes are used: 1 where it is one, their number where they
      are used alike.
    dead: f32[], the share of the codes that are used less than `restart_below` times as often as an even share.
  """

  z: jax.Array
  codes: jax.Array
  commitment: jax.Array
  perplexity: jax.Array
  dead: jax.Array


class VectorQuantizer(nn.Module):
  """The codebook of van den Oord et al., "Neural discrete representation learning" (2017), kept by averaging.

  With n_i vectors nearest to code i, of sum s_i, `N_i <- decay N_i + (1 - decay) n_i`, `m_i <- decay m_i + (1 - decay)
  s_i`, `e_i = m_i / N_i` (appendix A.1, equations 6 to 8). N and m are in the collection 'codebook', which no gradient
  touches. A code that is used less than `restart_below` times as often as an even share is put on a vector of the
  batch, drawn at random (Dhariwal et al., "Jukebox", 2020, section 3.1); so are all at the first step.

  Attributes:
    num_codes: K.
    dim: D, of a vector.
    decay: of the averages.
    restart_below: the share of an even use below which a code is dead.
    axis_name: of the devices that share the codebook.
  """

  num_codes: int
  dim: int
  decay: float = 0.99
  restart_below: float = 0.05
  axis_name: str | None = None

  def setup(self) -> None:
    self.counts = self.variable('codebook', 'counts', jnp.zeros, (self.num_codes,))
    self.sums = self.variable('codebook', 'sums', jnp.zeros, (self.num_codes, self.dim))

  def __call__(self, vectors: jax.Array, train: bool) -> Quantized:
    """Quantizes f32[B, ..., D]; in training it also takes an average, if 'codebook' is mutable.

    The key 'dropout' draws the vectors on which dead codes are put.
    """
    vectors = vectors.astype(jnp.float32)
    flat = lax.stop_gradient(vectors.reshape(-1, self.dim))
    learns = train and not self.is_initializing() and self.is_mutable_collection('codebook')
    if learns:
      self._restart(flat)
    embeddings = self._embeddings()
    distances = (embeddings**2).sum(-1) - 2 * flat @ embeddings.T  # less the square of the vector
    chosen = distances.argmin(-1)
    used = jax.nn.one_hot(chosen, self.num_codes, dtype=jnp.float32)
    counts = used.sum(0)
    if learns:
      counts, sums = self._over_devices((counts, used.T @ flat))
      self.counts.value = self.decay * self.counts.value + (1 - self.decay) * counts
      self.sums.value = self.decay * self.sums.value + (1 - self.decay) * sums
    nearest = embeddings[chosen].reshape(vectors.shape)
    shares = counts / counts.sum()
    error = ((vectors - nearest) ** 2).reshape(len(vectors), -1).sum(-1)
    return Quantized(
      z=vectors + lax.stop_gradient(nearest - vectors),
      codes=chosen.reshape(vectors.shape[:-1]).astype(jnp.int32),
      commitment=error,
      perplexity=jnp.exp(jax.scipy.special.entr(shares).sum()),
      dead=(shares < self.restart_below / self.num_codes).mean(),
    )

  def embed(self, codes: jax.Array) -> jax.Array:
    """The vectors of codes: i32[...] -> f32[..., D]."""
    return self._embeddings()[codes]

  def _embeddings(self):
    return self.sums.value / jnp.maximum(self.counts.value, 1e-12)[:, None]

  def _restart(self, flat):
    counts = self.counts.value
    even = counts.sum() / self.num_codes
    dead = counts <= self.restart_below * even
    chosen = jax.random.randint(self.make_rng('dropout'), (self.num_codes,), 0, len(flat))
    fresh = self._of_one_device(flat[chosen])
    even = jnp.where(even > 0, even, 1.0)  # nothing has been counted at the first step
    self.counts.value = jnp.where(dead, even, counts)
    self.sums.value = jnp.where(dead[:, None], even * fresh, self.sums.value)

  def _over_devices(self, tree):
    return tree if self.axis_name is None else lax.psum(tree, self.axis_name)

  def _of_one_device(self, fresh):
    """Each vector from one device, in turn: their mean would be none of the data."""
    if self.axis_name is None:
      return fresh
    turn = jnp.arange(self.num_codes) % lax.axis_size(self.axis_name) == lax.axis_index(self.axis_name)
    return lax.psum(jnp.where(turn[:, None], fresh, 0.0), self.axis_name)
