"""From latents to examples and back, with trained networks: what a `GenerativeModel` of this family can do."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.families import conditions
from jaxgen.families.vae.autoencoder import Autoencoder, decoded, encoded, shown
from jaxgen.types import Batch, Extra, Params, PRNGKey

_ROUNDS = 50  # of a completion


def latents(model: Autoencoder, params: Params, extra: Extra, rng: PRNGKey, num: int, **knobs: float) -> Any:
  """Draws of a prior that depends on no conditions, of leading axis num; the knobs are the prior's."""
  return model.prior.sample(model.apply, params, extra, rng, num, given={}, **knobs)


def sample(
  model: Autoencoder,
  params: Params,
  extra: Extra,
  rng: PRNGKey,
  num: int,
  given: Mapping[str, jax.Array] | None = None,
  **knobs: float,
) -> jax.Array:
  """`num` examples: the decoder's mean for draws of the prior, of continuous data draws from p(x|z)."""
  z_rng, given_rng, draw_rng = jax.random.split(rng, 3)
  prepared = conditions.to_sample(given_rng, num, given, model.given)
  z = model.prior.sample(model.apply, params, extra, z_rng, num, given=prepared, **knobs)
  return shown(model, draw_rng, _of_latents(model, params, extra, z, prepared))


def encode(model: Autoencoder, params: Params, extra: Extra, rng: PRNGKey, batch: Batch) -> Any:
  """The center of the posterior."""
  del rng
  return model.posterior.center(model.apply, params, extra, encoded(model, params, extra, batch))


def decode(
  model: Autoencoder,
  params: Params,
  extra: Extra,
  latents: Any,
  given: Mapping[str, jax.Array] | None = None,
) -> jax.Array:
  """The decoder's mean for these latents.

  Raises:
    ValueError: if a condition of the model is not given.
  """
  prepared = conditions.prepared(given or {}, model.given)
  return model.likelihood.mean(_of_latents(model, params, extra, latents, prepared))


def complete(
  model: Autoencoder, params: Params, extra: Extra, rng: PRNGKey, batch: Batch, observed: jax.Array
) -> jax.Array:
  """A draw of the missing entries of `batch['x']` given the observed ones.

  A Markov chain of 50 rounds from a sample of the model: z ~ q(z|x), x ~ p(x|z), then the observed entries are put back
  (Rezende, Mohamed & Wierstra, "Stochastic backpropagation and approximate inference", 2014, appendix F). Where q is
  the true posterior its stationary distribution is p(missing | observed); else it is near that as q is near.

  Args:
    model: with its slots.
    params: its parameters.
    extra: its other variables.
    rng: of the chain.
    batch: of which `x` may hold anything where it is not observed.
    observed: bool[B, *shape].

  Returns:
    x[B, *shape]; the last round shows what is missing as a sample is shown.
  """
  given = conditions.prepared(batch, model.given)
  prior = model.prior.under(given)
  start_rng, first_rng, chain_rng, last_rng = jax.random.split(rng, 4)

  def put_back(x):
    return jnp.where(observed, batch['x'], x)

  def outputs_of(x, rng):
    outputs = encoded(model, params, extra, {**batch, 'x': x})
    drawn, _ = model.posterior.draw(model.apply, params, extra, rng, outputs, prior=prior, train=False)
    return decoded(model, params, extra, drawn.z, given)

  def one_round(x, rng):
    z_rng, x_rng = jax.random.split(rng)
    return put_back(model.likelihood.draw(x_rng, outputs_of(x, z_rng))), None

  start = prior.sample(model.apply, params, extra, start_rng, len(observed))
  first = put_back(model.likelihood.draw(first_rng, _of_latents(model, params, extra, start, given)))
  x, _ = lax.scan(one_round, first, jax.random.split(chain_rng, _ROUNDS - 1))
  return put_back(shown(model, last_rng, outputs_of(x, jax.random.fold_in(last_rng, 0))))


def _of_latents(model, params, extra, latents, given):
  return decoded(model, params, extra, model.posterior.embed(model.apply, params, extra, latents), given)
