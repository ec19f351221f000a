"""What the outputs of an autoregressive network mean: the distribution of one entry given those before it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax

from jaxgen.losses.autoregressive import categorical_nll
from jaxgen.samplers.ancestral import categorical as draw_of_logits
from jaxgen.samplers.ancestral import truncated


class Distribution(NamedTuple):
  """The distribution of one entry, by `num_outputs` numbers of the network.

  Attributes:
    name: for the objective.
    num_outputs: the numbers that the network gives for each entry.
    nll: `(outputs f32[B, *shape, num_outputs], x [B, *shape], observed=None) -> f32[B]`, minus the log-mass in nats of
      all entries, with a mask bool[B, *shape] of those alone that it marks.
    draw: `(rng, outputs f32[B, num_outputs], **knobs) -> (values [B], log_mass f32[B])`: a draw of one entry, and the
      log-mass of what is drawn under the distribution that the knobs make of it, normalized.
    knobs: what one may turn when drawing, with its defaults, by which the draw is of the distribution itself.
  """

  name: str
  num_outputs: int
  nll: Callable[..., jax.Array]
  draw: Callable[..., tuple[jax.Array, jax.Array]]
  knobs: Mapping[str, float] = MappingProxyType({})


def categorical(levels: int) -> Distribution:
  """A softmax over the levels, whose outputs are logits: of text, and of pixels that may be anything.

  The knobs 'temperature', 'top_k' and 'top_p' are those of `jaxgen.samplers.ancestral.truncated`.

  Raises:
    ValueError: if the data is continuous.
  """
  if levels < 2:
    raise ValueError(
      'a categorical autoregressive model needs data of at least 2 levels, not continuous data.'
    )

  def draw(rng, outputs, **knobs):
    return draw_of_logits(rng, truncated(outputs, **knobs))

  knobs = {'temperature': 1.0, 'top_k': levels, 'top_p': 1.0}
  return Distribution(f'categorical over {levels} levels', levels, categorical_nll, draw, knobs)
