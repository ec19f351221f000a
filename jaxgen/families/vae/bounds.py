"""Bounds on log p(x): the terms of the objective, and the importance-weighted bound."""

import jax
from jax import lax

from jaxgen import fields
from jaxgen.families import conditions, padding
from jaxgen.families.vae import draws
from jaxgen.families.vae.autoencoder import Autoencoder, decoded, encoded, seen, target
from jaxgen.families.vae.objective import Draws, Terms
from jaxgen.losses import vae as losses
from jaxgen.metrics.bits_per_dim import bits_per_dim
from jaxgen.types import Batch, Extra, Metrics, Params, PRNGKey


def terms(
  model: Autoencoder,
  params: Params,
  extra: Extra,
  rng: PRNGKey,
  batch: Batch,
  *,
  step: jax.Array | None,
) -> tuple[Metrics, Extra]:
  """The objective and its terms, means over the draws of z that it takes; in training, where there is a `step`, the
  networks update `extra`."""
  z_rng, noise_rng, encoder_rng, decoder_rng, objective_rng = jax.random.split(rng, 5)
  train, given = step is not None, conditions.prepared(batch, model.given)
  weight = None if model.objective.dreg_weight is None else model.objective.dreg_weight(step)
  outputs, extra = model.apply('encoder', params, extra, *seen(model, batch), train=train, rng=encoder_rng)
  rngs = draws.Keys(z_rng, decoder_rng, noise_rng)
  found, extra = draws.weighed(
    model, params, extra, rngs, outputs, given, target(model, batch), weight, train=train
  )
  ratio = None if found.log_ratio is None else found.log_ratio + found.zeros
  reconstruction, kl = found.nll.mean(0), found.kl.mean(0)

  def from_prior(rng):
    prior = model.prior.under(draws.tiled(given, model.objective.num_draws))
    return prior.sample(model.apply, params, extra, rng, found.nll.size)

  of_each = Draws(found.nll - found.zeros, ratio)
  told = Terms(reconstruction, kl, outputs, found.z, from_prior, of_each, found.kl_per_latent)
  loss, metrics = model.objective.loss(told, objective_rng, step)
  result = {'loss': loss, 'reconstruction': reconstruction, model.posterior.term: kl}
  if model.has_density:
    result['elbo'] = model.log_volume - reconstruction - kl
    result['elbo_bits_per_dim'] = code_length(model, result['elbo'], batch)
  return {**result, **found.metrics, **metrics}, extra


def of_steps(model: Autoencoder, metrics: Metrics, batch: Batch) -> Metrics:
  """The terms of a step of training: of padded sequences with bits per token of all of them."""
  if not (model.padded and model.has_density):
    return metrics
  tokens = padding.count(padding.observed(batch, model.end))
  return {**metrics, 'elbo_bits_per_dim': padding.bits_of_steps(-metrics['elbo'], tokens)}


def log_prob(
  model: Autoencoder, params: Params, extra: Extra, rng: PRNGKey, batch: Batch, *, importance_samples: int
) -> jax.Array:
  """The importance-weighted bound on the log-density, f32[B], nats; see `jaxgen.losses.vae`.

  Of padded sequences it is one on the log-mass.

  Where entries are missing it is that of the others, on log p(observed)."""
  z_rng, noise_rng = jax.random.split(rng)
  outputs, given = encoded(model, params, extra, batch), conditions.prepared(batch, model.given)
  prior = model.prior.under(given)
  reads = model.decoding.reads(None, batch['x'], train=False)

  def log_weight(rng):
    drawn, _ = model.posterior.draw(model.apply, params, extra, rng, outputs, prior=prior, train=False)
    if drawn.log_weight is None:
      raise ValueError('no bound on log p(x) follows from a posterior without a density.')
    # the same noise for every z: the bound is on the density of one point
    outputs_of_z = decoded(model, params, extra, drawn.z, given, *reads)
    return drawn.log_weight - model.likelihood.nll(noise_rng, outputs_of_z, *target(model, batch))

  log_weights = lax.map(log_weight, jax.random.split(z_rng, importance_samples))  # [K, B]
  return losses.importance_weighted_bound(log_weights) + model.log_volume


def measured(model: Autoencoder, bound: jax.Array, batch: Batch) -> Metrics:
  """What an evaluation tells of the importance-weighted bound f32[B]: terms per example."""
  terms = {'bits_per_dim': code_length(model, bound, batch)}
  if model.padded:
    tokens = padding.count(padding.observed(batch, model.end))
    return {**terms, 'negative_log_likelihood': -bound, padding.TOKENS: tokens}
  return {**terms, 'negative_log_likelihood': -bound} if model.has_gaps else terms


def code_length(model: Autoencoder, log_prob: jax.Array, batch: Batch) -> jax.Array:
  """Of a bound f32[B], nats, the bits per dimension, f32[B]; where entries are missing per entry that was observed.

  Of sequences that are filled up they are terms whose mean over the batch is bits per token of all of it."""
  if model.padded:
    tokens = padding.count(padding.observed(batch, model.end))
    return padding.bits_of_batch(-log_prob, tokens)
  entries = fields.num_observed(batch) if model.has_gaps else None
  return bits_per_dim(log_prob, model.x.shape, model.x.levels, entries)
