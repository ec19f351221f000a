"""The likelihood of a row of a table, whose columns hold numbers or categories."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.families.vae.likelihood import Likelihood
from jaxgen.losses import vae as losses
from jaxgen.losses.autoregressive import categorical_nll
from jaxgen.types import Field


def mixed(field: Field, categories: tuple[int, ...], scale: float, learned_scale: bool = False) -> Likelihood:
  """`prod_d N(x_d; mean_d, sigma_d^2)` over columns of numbers times `prod_d softmax(logits_d)[x_d]` over the others.

  Nazabal et al., "Handling incomplete heterogeneous data using VAEs" (2020), section 3. Of a column of numbers
  the first output is its mean, the second one gives a standard deviation that is learned; of one with L categories the
  first L are its logits. A learned sigma has to have a floor: without one the likelihood is unbounded (Mattei &
  Frellsen, "Leveraging the exact likelihood of deep latent variable models", 2018).

  Args:
    field: f32[D] of x: numbers, and codes of categories.
    categories: how many each of the D columns has; 0 of numbers.
    scale: sigma of numbers; the least one where it is learned.
    learned_scale: whether sigma is `scale + softplus(output)`, for each entry of x.

  Raises:
    ValueError: if there is not one number for each column, or the scale is not positive.
  """
  if field.shape != (len(categories),) or field.levels:
    raise ValueError(
      f'{len(categories)} columns were told of data of shape {field.shape}, which are no such table.'
    )
  if scale <= 0:
    raise ValueError(f'the scale of a mixed likelihood must be positive, not {scale}.')
  counts = np.array(categories)
  of_numbers, num_outputs = counts == 0, max(2, *categories)
  there = np.arange(num_outputs) < np.where(of_numbers, num_outputs, counts)[:, None]

  def split(outputs):
    """Mean and sigma of numbers, f32[..., D], and logits f32[..., D, L]; each is for some columns without meaning."""
    sigma = (
      scale + jax.nn.softplus(outputs[..., 1]) if learned_scale else jnp.full_like(outputs[..., 0], scale)
    )
    return outputs[..., 0], sigma, jnp.where(there, outputs, -jnp.inf)

  def nll(rng, outputs, x, observed=None):
    del rng
    seen = jnp.ones(x.shape, bool) if observed is None else observed.astype(bool)
    mean, sigma, logits = split(outputs)
    numbers = losses.gaussian_nll(x, mean=mean, sigma=sigma, observed=seen & of_numbers)
    codes = jnp.where(seen & ~of_numbers, x, 0).astype(jnp.int32)
    return numbers + categorical_nll(logits, codes, seen & ~of_numbers)

  def mean(outputs):
    center, _, logits = split(outputs)
    return jnp.where(of_numbers, center, logits.argmax(-1))

  def draw(rng, outputs):
    noise_rng, code_rng = jax.random.split(rng)
    center, sigma, logits = split(outputs)
    numbers = center + sigma * jax.random.normal(noise_rng, center.shape)
    return jnp.where(of_numbers, numbers, jax.random.categorical(code_rng, logits))

  def mean_of_mixture(outputs, weights):
    center, _, logits = split(outputs)
    shares = jnp.einsum('kb,kbdl->bdl', weights, jax.nn.softmax(logits))
    return jnp.where(of_numbers, jnp.einsum('kb,kbd->bd', weights, center), shares.argmax(-1))

  sigma = f'learned sigma above {scale:g}' if learned_scale else f'sigma {scale:g}'
  words = f'{of_numbers.sum()} columns gaussian, {sigma}, {(~of_numbers).sum()} categorical'
  return Likelihood(words, num_outputs, nll, mean, draw, log_volume=0.0, mean_of_mixture=mean_of_mixture)
