"""Normalizing flows: a bijector and a prior -> GenerativeModel."""

import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from jaxgen.bijectors import UniformDequantization
from jaxgen.families.labels import condition, condition_to_sample, given_by
from jaxgen.families.precision import precisely
from jaxgen.losses import flow as losses
from jaxgen.metrics.bits_per_dim import bits_per_dim
from jaxgen.types import DATA_AXIS, Conditioned, Estimate, GenerativeModel
from jaxgen.updates import chain, ema, minimize

OBJECTIVE = 'loss = -(log_prior + log_det) / D, the exact negative log-likelihood in nats per dimension'


def flow(
  bijector: nn.Module,
  *,
  tx: optax.GradientTransformation,
  ema_decay: float,
  shape: tuple[int, ...],
  levels: int,
  classes: int = 0,
  prior: losses.Prior | None = None,
  temperature: float = 1.0,
) -> GenerativeModel:
  """A flow trained by maximum likelihood.

  Parameters are in 'flow', constants such as fixed permutations in `extra`. Everything but the training step runs in
  full float32 precision on every device, so that the inverse inverts.

  Args:
    bijector: from the data, on the unit cube where `levels > 0`, to the latents.
    tx: the optimizer.
    ema_decay: of the averaged weights.
    shape: of one example, `(H, W, C)` or `(D,)`.
    levels: grey levels of the data; 0 for continuous data, which is not dequantized.
    classes: where positive, the bijector's `cond` is the label, one-hot f32[B, classes].
    prior: of the latents; standard normal by default.
    temperature: T, the latents of a sample are this times a draw from the prior (Kingma & Dhariwal, "Glow", 2018).
      With a normal prior and a log-determinant that is the same everywhere, as of additive couplings, samples are then
      of the density `p^(1 / T^2)`, normalized (the paper writes `T^2`); with affine ones they are not, and T is a knob.

  Returns:
    A model with exact `log_prob`, `sample` (it takes `temperature` too), `encode` and `decode`. The latents are the
    bijector's; with classes a `Conditioned` of those. Sampled labels are uniform where none are given.
  """
  prior = prior or losses.standard_normal()
  dims = math.prod(shape)
  dequantization = UniformDequantization(levels) if levels else None

  def forward(params, extra, x, cond) -> Any:
    return bijector.apply(_variables(params, extra), x, cond, method='forward_and_log_det')

  def inverse(params, extra, latents, cond):
    x, _ = bijector.apply(_variables(params, extra), latents, cond, method='inverse_and_log_det')
    return x

  def continuous(rng, batch):
    x = batch['x']
    if dequantization is None:
      return x
    return dequantization.apply({}, x, rngs={'dequantization': rng}, method='forward_and_log_det')[0]

  def discrete(x):
    if dequantization is None:
      return x
    return dequantization.apply({}, x, method='inverse_and_log_det')[0]

  def terms(latents, log_det):
    log_prior = prior.log_prob(latents)
    nll = losses.negative_log_likelihood(latents, log_det, prior)
    return {
      'loss': nll / dims,
      'bits_per_dim': bits_per_dim(-nll, shape, levels),
      'log_prior': log_prior,
      'log_det': log_det,
    }

  def init(rng, batch):
    rng_init, rng_noise = jax.random.split(rng)
    x, cond = continuous(rng_noise, batch), condition(batch, classes)
    variables = dict(bijector.init(rng_init, x, cond, method='forward_and_log_det'))
    return {'flow': variables.pop('params', {})}, variables

  def loss(params, extra, rng, batch):
    metrics = terms(*forward(params, extra, continuous(rng, batch), condition(batch, classes)))
    return metrics['loss'].mean(), (extra, metrics)

  def evaluate(params, extra, rng, batch):
    x, cond = continuous(rng, batch), condition(batch, classes)
    latents, log_det = forward(params, extra, x, cond)
    drift = jnp.abs(inverse(params, extra, latents, cond) - x)
    return {
      **terms(latents, log_det),
      'inversion_error': drift.max(axis=tuple(range(1, drift.ndim))),
    }

  def log_prob(params, extra, rng, batch):
    latents, log_det = forward(params, extra, continuous(rng, batch), condition(batch, classes))
    return losses.log_prob(latents, log_det, prior)

  def encode(params, extra, rng, batch):
    cond = condition(batch, classes)
    latents, _ = forward(params, extra, continuous(rng, batch), cond)
    return latents if cond is None else Conditioned(latents, cond)

  def decode(params, extra, latents):
    latents, cond = latents if classes else (latents, None)
    return discrete(inverse(params, extra, latents, cond))

  def sample(params, extra, rng, num, label=None, temperature=temperature):
    rng_latents, rng_label = jax.random.split(rng)
    cond = condition_to_sample(rng_label, num, label, classes)
    like = jax.ShapeDtypeStruct((num, *shape), jnp.float32)
    shapes, _ = jax.eval_shape(forward, params, extra, like, cond)
    latents = jax.tree.map(lambda z: temperature * z, prior.sample(rng_latents, shapes))
    return discrete(inverse(params, extra, latents, cond))

  return GenerativeModel(
    init=init,
    update=chain(minimize(loss, tx, axis_name=DATA_AXIS), ema(ema_decay)),
    evaluate=precisely(evaluate),
    sample=precisely(sample),
    objective=OBJECTIVE,
    given=given_by(classes),
    selected_by='bits_per_dim',
    log_prob=precisely(log_prob),
    log_prob_estimate=Estimate('exact', noise_draws=int(levels > 0), given=given_by(classes)),
    encode=precisely(encode),
    decode=precisely(decode),
  )


def _variables(params, extra):
  return {'params': params['flow'], **extra}
