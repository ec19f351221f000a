"""The slot of an adversarial network for what a player's loss has beside the game."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.types import PRNGKey


class Penalty(NamedTuple):
  """A regularization of one player, at every `period`-th of its moves as many times as heavy.

  It is added to that move's loss, so that one optimizer sees it in proportion; an optimizer of its own, of Adam's kind,
  would undo the weight (lazy regularization: Karras et al., "Analyzing and improving the image quality of StyleGAN",
  2020, appendix B).

  Attributes:
    term: of the discriminator `(critic, rng, *, real, fake) -> f32[B]`, see `jaxgen.losses.gan.PENALTIES`, where
      `critic` gives its logit for any x, f32[B, *shape] -> f32[B]; of the generator `(generate, rng, *, latents,
      real) -> f32[B]`, where `generate` gives its example for any z under what is given with the real one. Both run
      as in evaluation, which keeps examples apart.
    weight: of the term in the loss (gamma, lambda).
    period: in moves of the player.

  """

  term: Callable[..., jax.Array]
  weight: float
  period: int = 1

  def words(self, name: str = 'penalty') -> str:
    """As it stands in an objective."""
    lazy = f' every {self.period} steps, times {self.period}' if self.period > 1 else ''
    return f' + {self.weight:g} * {name}{lazy}'


def weighed(
  penalty: Penalty,
  move: jax.Array,
  player: Callable[[jax.Array], jax.Array],
  rng: PRNGKey,
  **inputs: jax.Array,
) -> jax.Array:
  """What `penalty` adds to the loss of the player's `move`, f32[B].

  Raises:
    ValueError: if the period is less than 1.
  """
  if penalty.period < 1:
    raise ValueError(f'the period of a penalty must be at least 1, not {penalty.period}.')

  def term():
    return penalty.weight * penalty.period * penalty.term(player, rng, **inputs)

  if penalty.period == 1:
    return term()
  nothing = jax.eval_shape(term)
  return lax.cond(move % penalty.period == 0, term, lambda: jnp.zeros(nothing.shape, nothing.dtype))
