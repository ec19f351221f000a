"""What the outputs of an autoregressive network mean: the distribution of one entry given those before it."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.losses.autoregressive import categorical_nll
from jaxgen.types import PRNGKey


class Distribution(NamedTuple):
  """The distribution of one entry, by `num_outputs` numbers of the network.

  Attributes:
    name: for the objective.
    num_outputs: the numbers that the network gives for each entry.
    nll: `(outputs f32[B, *shape, num_outputs], x [B, *shape]) -> f32[B]`, minus the log-mass of all entries in nats.
    draw: `(rng, outputs f32[B, num_outputs], temperature) -> (values [B], log_mass f32[B])`: a draw of one entry from
      `p^(1 / temperature)`, normalized, and the log-mass of what is drawn under that. A temperature of 0 is the mode.
  """

  name: str
  num_outputs: int
  nll: Callable[[jax.Array, jax.Array], jax.Array]
  draw: Callable[[PRNGKey, jax.Array, float], tuple[jax.Array, jax.Array]]


def categorical(levels: int) -> Distribution:
  """A softmax over the levels, whose outputs are logits: of text, and of pixels that may be anything.

  Raises:
    ValueError: if the data is continuous.
  """
  if levels < 2:
    raise ValueError(
      'a categorical autoregressive model needs data of at least 2 levels, not continuous data.'
    )

  def draw(rng, outputs, temperature):
    # by a temperature of 0 nothing can be divided: at a millionth the mode prevails over all but ties
    log_mass = jax.nn.log_softmax(outputs.astype(jnp.float32) / jnp.maximum(temperature, 1e-6))
    value = jax.random.categorical(rng, log_mass)
    return value, jnp.take_along_axis(log_mass, value[:, None], 1)[:, 0]

  return Distribution(f'categorical over {levels} levels', levels, categorical_nll, draw)
