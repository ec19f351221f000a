"""The slot of an adversarial network for what a player's loss has beside the game."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.types import PRNGKey

State = Mapping[str, jax.Array]  # numbers, each the same on all devices


class Penalty(NamedTuple):
  """A regularization of one player, at every `period`-th of its moves as many times as heavy.

  It is added to that move's loss, so that one optimizer sees it in proportion; an optimizer of its own, of Adam's kind,
  would undo the weight (lazy regularization: Karras et al., "Analyzing and improving the image quality of StyleGAN",
  2020, appendix B).

  Attributes:
    term: of the discriminator `(critic, rng, *, real, fake) -> f32[B]`, see `jaxgen.losses.gan.PENALTIES`, where
      `critic` gives its logit for any x, f32[B, *shape] -> f32[B]; of the generator `(generate, rng, *, latents,
      real) -> f32[B]`, where `generate` gives its example for any z under what is given with the real one, and
      `generate(y, method=name)` what another method of the network gives for y in place of z. Both run as in
      evaluation, which keeps examples apart.
    weight: of the term in the loss (gamma, lambda).
    period: in moves of the player.
    init: `() -> state`, of what a penalty keeps from one time to the next. It lives in `extra` where it is not empty,
      is averaged over the devices, and its numbers are metrics under their own names.
    judged: `(state, f32[B]) -> (f32[B], state)`: what the term found, as it enters the loss, and the next state.
  """

  term: Callable[..., jax.Array]
  weight: float
  period: int = 1
  init: Callable[[], State] = dict
  judged: Callable[[State, jax.Array], tuple[jax.Array, State]] = lambda state, found: (found, state)

  def words(self, name: str = 'penalty') -> str:
    """As it stands in an objective."""
    lazy = f' every {self.period} steps, times {self.period}' if self.period > 1 else ''
    return f' + {self.weight:g} * {name}{lazy}'


def weighed(
  penalty: Penalty,
  state: State,
  move: jax.Array,
  player: Callable[..., jax.Array],
  rng: PRNGKey,
  **inputs: jax.Array,
) -> tuple[jax.Array, State]:
  """What `penalty` adds to the loss of the player's `move`, f32[B], and its next state.

  Raises:
    ValueError: if the period is less than 1.
  """
  if penalty.period < 1:
    raise ValueError(f'the period of a penalty must be at least 1, not {penalty.period}.')

  def entered():
    found, new = penalty.judged(state, penalty.term(player, rng, **inputs))
    return penalty.weight * penalty.period * found, lax.stop_gradient(new)

  if penalty.period == 1:
    return entered()
  nothing, _ = jax.eval_shape(entered)
  return lax.cond(
    move % penalty.period == 0, entered, lambda: (jnp.zeros(nothing.shape, nothing.dtype), state)
  )
