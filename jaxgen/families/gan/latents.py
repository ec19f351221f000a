"""The slot of an adversarial network for how latents are drawn, and for what one may turn when sampling."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.types import PRNGKey


class Latents(NamedTuple):
  """How latents are drawn, and what one may turn when sampling; where nothing is turned, samples are as in training.

  Attributes:
    draw: `(rng, num, latent_dim, **knobs) -> z f32[num, latent_dim]`.
    knobs: those of `draw`, with their defaults.
    generator_knobs: those that the generator takes beside latents and conditions, by name.
    meanings: of knobs whose name does not say all, see `jaxgen.types.GenerativeModel`.
  """

  draw: Callable[..., jax.Array]
  knobs: Mapping[str, float] = MappingProxyType({})
  generator_knobs: Mapping[str, float] = MappingProxyType({})
  meanings: Mapping[str, str] = MappingProxyType({})

  @property
  def all_knobs(self) -> dict[str, float]:
    """With their defaults."""
    return {**self.knobs, **self.generator_knobs}


def truncated_normal() -> Latents:
  """z ~ N(0, I), turned by `temperature` and `truncation`, see `normal`."""
  return Latents(normal, knobs={'temperature': 1.0, 'truncation': 0.0})


def normal(
  rng: PRNGKey,
  num: int,
  latent_dim: int,
  temperature: jax.Array | float = 1.0,
  truncation: jax.Array | float = 0.0,
) -> jax.Array:
  """z = temperature * N(0, I), f32[num, latent_dim].

  With a positive `truncation` each entry of the normal is redrawn until it lies within [-truncation, truncation] (Brock
  et al., "Large scale GAN training for high fidelity natural image synthesis", 2019, section 3.1); 0 truncates nothing.
  """
  bound = jnp.where(truncation > 0, truncation, 1.0)
  truncated = jax.random.truncated_normal(rng, -bound, bound, (num, latent_dim))
  return temperature * jnp.where(truncation > 0, truncated, jax.random.normal(rng, (num, latent_dim)))
