"""The slot of a variational autoencoder for how its decoder comes from z to an example: at once, or entry by entry."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen import fields
from jaxgen.families import padding
from jaxgen.families.autoregressive import Predictor, whole_network
from jaxgen.samplers.ancestral import ancestral
from jaxgen.samplers.run import run as run_chain
from jaxgen.types import Field, PRNGKey

# `(rng, outputs) -> x`: what is taken from p(x|z), its mode or a draw, by a `Likelihood`.
Pick = Callable[[PRNGKey, jax.Array], jax.Array]
# An example of which a part is known: `(x [B, *shape], observed bool[B, *shape])`.
Known = tuple[jax.Array, jax.Array]


class Decoding(NamedTuple):
  """How p(x|z) factorizes, and so what the decoder is called with: `(z, *reads, given, train)`.

  Attributes:
    words: what p(x|z) is, for the objective.
    reads: `(rng, x, train) -> reads`, what it takes of an example that is known: in training, which needs the key, and
      for the density.
    write: `(run, given, pick, rng, num, known) -> x [num, *shape]`, an example that is not known. `run` is the decoder
      with its z, outside of training: `run(*reads, given)`; what is `known` stays, None where nothing is.
    draws: whether a sample is a draw from p(x|z). Of entries that z makes independent the mean is shown.
  """

  words: str
  reads: Callable[..., tuple[jax.Array, ...]]
  write: Callable[..., jax.Array]
  draws: bool


def _all_at_once(run, given, pick, rng, num, known):
  del num
  x = pick(rng, run(given))
  return x if known is None else jnp.where(known[1], known[0], x)


# p(x|z) = prod_i p(x_i | z)
ALL_AT_ONCE = Decoding('', lambda rng, x, train: (), _all_at_once, draws=False)


def entry_by_entry(
  x: Field, word_dropout: float = 0.0, predictor: Predictor = whole_network, end: int | None = None
) -> Decoding:
  """p(x|z) = prod_i p(x_i | x_1, ..., x_{i-1}, z), in row-major order, of discrete data.

  Bowman et al., "Generating sentences from a continuous space" (2016), section 3. The decoder reads the example, i32,
  and its outputs for an entry depend only on z and the entries before it. A decoder that does well without z leaves
  nothing to the latents: in training each entry that it reads is hidden with probability `word_dropout` (section 3.1),
  and what stands for it is `x.levels`, which is no value. Every entry is predicted all the same.

  Args:
    x: what is modelled.
    word_dropout: the share that is hidden; 1 leaves the decoder nothing but z and the place.
    predictor: how an entry is predicted while an example is written, as that of an autoregressive model; its `run`
      is the decoder with its z.
    end: the token after which nothing comes but what fills an example up: itself; None: there is none.

  Raises:
    ValueError: if the data is continuous, or the share is none.
  """
  if x.levels < 2:
    raise ValueError('a decoder that reads what it writes needs data of at least 2 levels, not continuous.')
  if not 0 <= word_dropout <= 1:
    raise ValueError(f'word_dropout must be between 0 and 1, not {word_dropout}.')

  def reads(rng, values, train):
    values = values.astype(jnp.int32)
    if not train or not word_dropout:
      return (values,)
    drop_rng = jax.random.fold_in(rng, 1)  # the decoder draws from the key itself
    return (jnp.where(jax.random.bernoulli(drop_rng, word_dropout, values.shape), x.levels, values),)

  def write(run, given, pick, rng, num, known):
    def draw(rng, outputs):
      return pick(rng, outputs), jnp.zeros(num)  # their masses are of no use here

    start, observed = jnp.zeros((num, *x.shape), jnp.int32), None
    if known is not None:
      start, observed = jnp.where(known[1], known[0], 0).astype(jnp.int32), known[1]
    chain = ancestral(*predictor(run, given), draw, observed=observed)
    written = run_chain(chain, rng, start, fields.size(x), lambda state, info: ())[0].position
    return padding.ended(written, end, observed).astype(fields.dtype(x))

  hidden = f', of which {word_dropout:g} are hidden in training' if word_dropout else ''
  return Decoding(f' of each entry given those before it{hidden}', reads, write, draws=True)
