"""From latents to examples and back, with trained networks: what a `GenerativeModel` of this family can do."""

from collections.abc import Mapping
from typing import Any

import jax
from jax import lax

from jaxgen.families import conditions
from jaxgen.families.vae.autoencoder import Autoencoder, encoded, mean, shown, written
from jaxgen.fields import OBSERVED
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
  """`num` examples: the decoder's mean for draws of the prior, or draws from p(x|z), see `Autoencoder.shows_draws`."""
  z_rng, given_rng, draw_rng = jax.random.split(rng, 3)
  prepared = conditions.to_sample(given_rng, num, given, model.given)
  of_prior = {name: value for name, value in knobs.items() if name in model.prior.knobs}
  of_likelihood = {name: value for name, value in knobs.items() if name not in of_prior}
  drawn = model.prior.sample(model.apply, params, extra, z_rng, num, given=prepared, **of_prior)
  z = _embedded(model, params, extra, drawn)
  return written(model, params, extra, draw_rng, z, prepared, shown(model, **of_likelihood))


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
  """The decoder's mean for these latents; entry by entry, each the most likely one given those before it.

  Raises:
    ValueError: if a condition of the model is not given.
  """
  prepared = conditions.prepared(given or {}, model.given)
  z = _embedded(model, params, extra, latents)
  return written(model, params, extra, jax.random.key(0), z, prepared, mean(model))


def complete(
  model: Autoencoder, params: Params, extra: Extra, rng: PRNGKey, batch: Batch, observed: jax.Array
) -> jax.Array:
  """A draw of the missing entries of `batch['x']` given the observed ones.

  A Markov chain of 50 rounds from a sample of the model: z ~ q(z|x), x ~ p(x|z), where the observed entries stay as
  they are (Rezende, Mohamed & Wierstra, "Stochastic backpropagation and approximate inference", 2014, appendix F).
  Where q is the true posterior its stationary distribution is p(missing | observed), of entries that are decoded one by
  one if the observed ones come first; else it is near that as q is near.

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

  def filled(rng, z, pick):
    return written(model, params, extra, rng, z, given, pick, (batch['x'], observed))

  def z_of(x, rng):
    # of what is filled in now no mask of the batch knows where it ends
    known = {name: value for name, value in batch.items() if name != OBSERVED}
    outputs = encoded(model, params, extra, {**known, 'x': x})
    drawn, _ = model.posterior.draw(model.apply, params, extra, rng, outputs, prior=prior, train=False)
    return drawn.z

  def one_round(x, rng):
    z_rng, x_rng = jax.random.split(rng)
    return filled(x_rng, z_of(x, z_rng), model.likelihood.draw), None

  drawn = prior.sample(model.apply, params, extra, start_rng, len(observed))
  start = _embedded(model, params, extra, drawn)
  first = filled(first_rng, start, model.likelihood.draw)
  x, _ = lax.scan(one_round, first, jax.random.split(chain_rng, _ROUNDS - 1))
  return filled(last_rng, z_of(x, jax.random.fold_in(last_rng, 0)), shown(model))


def _embedded(model, params, extra, latents):
  return model.posterior.embed(model.apply, params, extra, latents)
