"""The latents of an adversarial network, and what one may turn about them."""

import jax
import jax.numpy as jnp

from jaxgen.types import PRNGKey


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
