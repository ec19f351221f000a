"""What is missing of an example given what was observed of it, by draws of the latents that are weighed.

Mattei & Frellsen, "MIWAE: deep generative modelling and imputation of incomplete data sets" (2019), equations 9 to 11:
with K draws `z_k ~ q(z|observed)` and weights `w_k` in proportion to `p(observed|z_k) p(z_k) / q(z_k|observed)` that
sum to 1. Draws and means are exact as K grows, whatever q; draws for any K where q is the true posterior.
"""

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.families import conditions
from jaxgen.families.vae.autoencoder import Autoencoder, decoded, encoded, target
from jaxgen.fields import OBSERVED
from jaxgen.types import Batch, Extra, Params, PRNGKey


def complete(
  model: Autoencoder,
  params: Params,
  extra: Extra,
  rng: PRNGKey,
  batch: Batch,
  observed: jax.Array,
  *,
  num_draws: int,
) -> jax.Array:
  """A draw of the missing entries of `batch['x']` given the others: one of the K draws of z is taken by its weight, and
  x drawn from p(x|z): sampling importance resampling.

  Args:
    model: whose batches have gaps.
    params: its parameters.
    extra: its other variables.
    rng: of the draws.
    batch: of which `x` may hold anything where it is not observed.
    observed: bool[B, *shape]; what the batch itself says is missing is missing whatever this says.
    num_draws: K.

  Returns:
    x[B, *shape].
  """
  draw_rng, choice_rng, x_rng = jax.random.split(rng, 3)
  batch, there = _seen(batch, observed)
  outputs, log_weights = _draws(model, params, extra, draw_rng, batch, num_draws)
  chosen = jax.random.categorical(choice_rng, log_weights, axis=0)
  drawn = model.likelihood.draw(x_rng, outputs[chosen, jnp.arange(len(chosen))])
  return jnp.where(there, batch['x'], drawn)


def impute(
  model: Autoencoder,
  params: Params,
  extra: Extra,
  rng: PRNGKey,
  batch: Batch,
  observed: jax.Array,
  *,
  num_draws: int,
) -> jax.Array:
  """The mean of the missing entries of `batch['x']` given the others, `sum_k w_k E[x|z_k]`; of a
  category the one of the largest `sum_k w_k p(category|z_k)`.

  The arguments and what is returned are those of `complete`.
  """
  batch, there = _seen(batch, observed)
  outputs, log_weights = _draws(model, params, extra, rng, batch, num_draws)
  assert model.likelihood.mean_of_mixture is not None  # continuous data have one
  mean = model.likelihood.mean_of_mixture(outputs, jax.nn.softmax(log_weights, axis=0))
  return jnp.where(there, batch['x'], mean)


def _seen(batch, observed):
  """The batch in which no more is observed than both say, and that mask."""
  there = jnp.asarray(observed, bool) & (jnp.asarray(batch[OBSERVED]) != 0)
  return {**batch, OBSERVED: there}, there


def _draws(model, params, extra, rng, batch, num_draws):
  """The decoder's outputs f32[K, B, *shape, num_outputs] for K draws of z, and up to a constant the logarithms of their
  weights, f32[K, B]."""
  z_rng, noise_rng = jax.random.split(rng)
  outputs, given = encoded(model, params, extra, batch), conditions.prepared(batch, model.given)
  prior = model.prior.under(given)

  def one(rng):
    drawn, _ = model.posterior.draw(model.apply, params, extra, rng, outputs, prior=prior, train=False)
    outputs_of_z = decoded(model, params, extra, drawn.z, given)
    return outputs_of_z, drawn.log_weight - model.likelihood.nll(
      noise_rng, outputs_of_z, *target(model, batch)
    )

  return lax.map(one, jax.random.split(z_rng, num_draws))
