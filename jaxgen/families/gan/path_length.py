"""The penalty that makes steps of one size in the styles move images by one length."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.families.gan.penalty import Penalty, State
from jaxgen.losses.gan import path_length
from jaxgen.types import DATA_AXIS, PRNGKey

_RATE = 0.01  # of the running mean (Karras et al. 2020, appendix B)


def path_length_penalty(weight: float, period: int) -> Penalty:
  """`(||J^T y||_2 - a)^2`, see `jaxgen.losses.gan.path_length`; `a` is the running mean of these lengths, kept as
  `path_length` (Karras et al., "Analyzing and improving the image quality of StyleGAN", 2020, equation 4).

  Of generators with a method `styles`, `(z, given) -> f32[B, L, D]`, and one `synthesis`, `(styles, given) -> x`.

  Args:
    weight: of the penalty in the loss.
    period: in moves of the generator.
  """
  return Penalty(_lengths, weight, period, lambda: {'path_length': jnp.zeros(())}, _apart)


def _lengths(
  generate: Callable[..., jax.Array], rng: PRNGKey, *, latents: jax.Array, real: jax.Array
) -> jax.Array:
  del real
  styles = generate(latents, method='styles')
  return path_length(lambda styles: generate(styles, method='synthesis'), rng, styles)


def _apart(state: State, lengths: jax.Array) -> tuple[jax.Array, State]:
  mean = state['path_length']
  of_all = lax.pmean(lax.stop_gradient(lengths.mean()), DATA_AXIS)
  mean = mean + _RATE * (of_all - mean)
  return jnp.square(lengths - mean), {'path_length': mean}
