"""Variational autoencoders: an encoder, a decoder and a likelihood make a `GenerativeModel`."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from jax import lax

from jaxgen.families.labels import condition, condition_to_sample, given_by
from jaxgen.families.likelihood import Likelihood
from jaxgen.families.pixels import to_network
from jaxgen.losses import vae as losses
from jaxgen.metrics.bits_per_dim import bits_per_dim
from jaxgen.types import DATA_AXIS, Conditioned, Estimate, GenerativeModel
from jaxgen.updates import chain, ema, minimize, scheduled


def vae(
  encoder: nn.Module,
  decoder: nn.Module,
  *,
  likelihood: Likelihood,
  latent_dim: int,
  tx: optax.GradientTransformation,
  ema_decay: float,
  shape: tuple[int, ...],
  levels: int,
  classes: int = 0,
  reconstruction_weight: float = 1.0,
  kl_weight: float = 1.0,
  kl_warmup_steps: int = 0,
  importance_samples: int = 64,
) -> GenerativeModel:
  """A variational autoencoder with prior N(0, I) (Kingma & Welling, "Auto-encoding variational Bayes", 2014).

  `loss = reconstruction_weight * -log p(x|z) + kl_weight * w(step) * KL(q(z|x) || N(0, I))`, one draw of z for
  each example, where w rises from 0 to 1 over the warm-up. Evaluation uses w = 1. `elbo` is the bound of weights 1 and
  1 from that one draw, `elbo_bits_per_dim` the same as a code length; `bits_per_dim`, in evaluation, is that of
  `log_prob`.

  `log_prob` is the importance-weighted bound with K = `importance_samples`, of weights 1 and 1 whatever
  the loss weighs; given a class, of log p(x|label). There is none where the likelihood is not that of the data:
  a Bernoulli of grey intensities. `sample` and `decode` give the decoder's mean; on continuous data
  `sample` draws from p(x|z), since there the density is what one looks at. `encode` gives the posterior mean,
  with classes a `Conditioned` of that.

  Args:
    encoder: `(x f32[B, *shape], condition) -> (mean, log_var)`, each f32[B, latent_dim]. Pixels come in [-1, 1];
      the condition is f32[B, classes], or None.
    decoder: `(z f32[B, latent_dim], condition) -> f32[B, *shape, likelihood.num_outputs]`.
    likelihood: what the decoder's outputs mean.
    latent_dim: the dimensions of z.
    tx: the optimizer.
    ema_decay: of the averaged weights.
    shape: of one example.
    levels: the number of values a pixel takes, 0 for continuous data.
    classes: the number of labels to condition on, 0 for none.
    reconstruction_weight: lambda_1.
    kl_weight: lambda_2, also called beta.
    kl_warmup_steps: the steps over which the weight of the KL term rises.
    importance_samples: K, of `log_prob` and of the evaluated bits per dimension.

  Returns:
    A `GenerativeModel` with params 'encoder' and 'decoder' and an empty `extra`.

  Raises:
    ValueError: if the warm-up or the number of samples is out of range.
  """
  if importance_samples < 1:
    raise ValueError(f'importance_samples must be at least 1, not {importance_samples}.')
  warmup = losses.kl_warmup(kl_warmup_steps)
  has_density = likelihood.log_volume is not None
  log_volume = math.prod(shape) * (likelihood.log_volume or 0.0)
  estimate = Estimate(
    'lower bound',
    importance_samples=importance_samples,
    noise_draws=likelihood.noise_draws,
    given=given_by(classes),
  )

  def init(rng, batch):
    del batch
    encoder_rng, decoder_rng = jax.random.split(rng)
    given = jnp.zeros((1, classes)) if classes else None
    return {
      'encoder': encoder.init(encoder_rng, jnp.zeros((1, *shape)), given)['params'],
      'decoder': decoder.init(decoder_rng, jnp.zeros((1, latent_dim)), given)['params'],
    }, {}

  def posterior(params, batch):
    outputs: Any = encoder.apply(
      {'params': params['encoder']}, to_network(batch['x'], levels), condition(batch, classes)
    )
    mean, log_var = outputs
    return mean.astype(jnp.float32), log_var.astype(jnp.float32)

  def decoded(params, z, given):
    outputs: Any = decoder.apply({'params': params['decoder']}, z, given)
    return outputs.astype(jnp.float32)

  def terms(params, rng, batch, warmth):
    z_rng, noise_rng = jax.random.split(rng)
    mean, log_var = posterior(params, batch)
    outputs = decoded(
      params, losses.reparameterize(z_rng, mean=mean, log_var=log_var), condition(batch, classes)
    )
    reconstruction = likelihood.nll(noise_rng, outputs, batch['x'])
    kl = losses.kl_standard_normal(mean=mean, log_var=log_var)
    loss = losses.negative_elbo(
      reconstruction=reconstruction,
      kl=kl,
      reconstruction_weight=reconstruction_weight,
      kl_weight=kl_weight * warmth,
    )
    result = {'loss': loss, 'reconstruction': reconstruction, 'kl': kl}
    if has_density:
      result['elbo'] = log_volume - reconstruction - kl
      result['elbo_bits_per_dim'] = bits_per_dim(result['elbo'], shape, levels)
    return result

  def loss_at(step):
    def loss(params, extra, rng, batch):
      metrics = terms(params, rng, batch, warmup(step))
      return metrics['loss'].mean(), (extra, {**metrics, 'kl_weight': kl_weight * warmup(step)})

    return loss

  def log_prob(params, extra, rng, batch):
    del extra
    z_rng, noise_rng = jax.random.split(rng)
    mean, log_var = posterior(params, batch)

    def log_weight(rng):
      z = losses.reparameterize(rng, mean=mean, log_var=log_var)
      # the same noise for every z: the bound is on the density of one point
      log_likelihood = -likelihood.nll(noise_rng, decoded(params, z, condition(batch, classes)), batch['x'])
      prior = losses.log_normal(z, mean=jnp.zeros_like(z), log_var=jnp.zeros_like(z))
      return log_likelihood + prior - losses.log_normal(z, mean=mean, log_var=log_var)

    log_weights = lax.map(log_weight, jax.random.split(z_rng, importance_samples))  # [K, B]
    return losses.importance_weighted_bound(log_weights) + log_volume

  def evaluate(params, extra, rng, batch):
    metrics = terms(params, rng, batch, 1.0)
    if has_density:
      metrics['bits_per_dim'] = bits_per_dim(log_prob(params, extra, rng, batch), shape, levels)
    return metrics

  def sample(params, extra, rng, num, label=None):
    del extra
    z_rng, label_rng, draw_rng = jax.random.split(rng, 3)
    given = condition_to_sample(label_rng, num, label, classes)
    outputs = decoded(params, jax.random.normal(z_rng, (num, latent_dim)), given)
    return likelihood.mean(outputs) if levels else likelihood.draw(draw_rng, outputs)

  def encode(params, extra, rng, batch):
    del extra, rng
    mean, _ = posterior(params, batch)
    given = condition(batch, classes)
    return mean if given is None else Conditioned(mean, given)

  def decode(params, extra, latents):
    del extra
    z, given = latents if classes else (latents, None)
    return likelihood.mean(decoded(params, z, given))

  return GenerativeModel(
    init=init,
    update=chain(scheduled(lambda step: minimize(loss_at(step), tx, axis_name=DATA_AXIS)), ema(ema_decay)),
    evaluate=evaluate,
    sample=sample,
    objective=_objective(
      likelihood, reconstruction_weight, kl_weight, kl_warmup_steps, importance_samples if has_density else 0
    ),
    given=given_by(classes),
    selected_by='bits_per_dim' if has_density else 'loss',
    log_prob=log_prob if has_density else None,
    log_prob_estimate=estimate if has_density else None,
    encode=encode,
    decode=decode,
  )


def _objective(likelihood, reconstruction_weight, kl_weight, kl_warmup_steps, importance_samples):
  warmup = f' (warm-up over {kl_warmup_steps} steps)' if kl_warmup_steps else ''
  measure = (
    f'log_prob: importance-weighted bound, K = {importance_samples}'
    if importance_samples
    else f'no log_prob: {likelihood.name} on intensities is not a likelihood of grey levels'
  )
  reconstruction = f'{reconstruction_weight:g} * reconstruction ({likelihood.name})'
  return f'loss = {reconstruction} + {kl_weight:g} * kl{warmup}; {measure}'
