"""The slot of an adversarial network for what is done to the examples that the discriminator sees."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from jaxgen.types import PRNGKey


class Augmentation(NamedTuple):
  """A transformation of real and generated examples alike, and the state of what controls it.

  The state lives in `extra['augmentation']`, where it is not empty; it is averaged over the devices after every step.
  A controller as in Karras et al., "Training generative adversarial networks with limited data" (2020), section 3.1,
  keeps a probability there, and moves it by the signs of the logits of real examples.

  Attributes:
    init: `() -> state`, a mapping of arrays.
    apply: `(state, rng, x f32[B, *shape]) -> f32[B, *shape]`, differentiable in x.
    update: `(state, *, real_logits, fake_logits) -> state`, once in every step of the discriminator, with what it says
      of the augmented examples.
  """

  init: Callable[[], dict[str, jax.Array]]
  apply: Callable[[Any, PRNGKey, jax.Array], jax.Array]
  update: Callable[..., Any]


def no_augmentation() -> Augmentation:
  """The discriminator sees the examples as they are."""
  return fixed(lambda rng, x: x)


def fixed(augment: Callable[[PRNGKey, jax.Array], jax.Array]) -> Augmentation:
  """The same at every step (Zhao et al., "Differentiable augmentation", 2020).

  Args:
    augment: `(rng, x f32[B, *shape]) -> f32[B, *shape]`, differentiable in x.
  """
  return Augmentation(
    init=dict,
    apply=lambda state, rng, x: augment(rng, x),
    update=lambda state, *, real_logits, fake_logits: state,
  )
