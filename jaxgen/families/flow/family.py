"""Normalizing flows: a bijector and a prior -> GenerativeModel."""

from functools import partial
from types import MappingProxyType

import jax
import jax.numpy as jnp
import optax

from jaxgen import fields
from jaxgen.bijectors import Bijector
from jaxgen.families import conditions
from jaxgen.families.flow.dequantization import Dequantization, usual
from jaxgen.families.flow.model import FlowModel, assembled, forward, init, inverse
from jaxgen.families.precision import precisely
from jaxgen.losses import flow as losses
from jaxgen.metrics.bits_per_dim import bits_per_dim
from jaxgen.types import DATA_AXIS, DataSpec, Estimate, Field, GenerativeModel
from jaxgen.updates import chain, ema, minimize

OBJECTIVE = 'loss = -(log_prior + log_det) / D, the exact negative log-likelihood in nats per dimension'
BOUND = 'loss = -(log_prior + log_det) / D, a bound on the negative log-likelihood in nats per dimension'


def flow(
  bijector: Bijector,
  *,
  tx: optax.GradientTransformation,
  ema_decay: float,
  x: Field,
  given: DataSpec = MappingProxyType({}),
  prior: losses.Prior | None = None,
  dequantization: Dequantization | None = None,
  temperature: float = 1.0,
) -> GenerativeModel:
  """A flow trained by maximum likelihood.

  Parameters are in 'flow', constants such as fixed permutations and running statistics in `extra`, both beside what a
  dequantization brings. Everything but the training step runs in full float32 precision on every device, so that the
  inverse inverts.

  Args:
    bijector: from the data, in the unit cube where they are discrete, to the latents; one without an inverse makes a
      density that cannot be sampled. Conditions reach it as `given`, see `jaxgen.families.conditions.prepared`.
    tx: the optimizer.
    ema_decay: of the averaged weights.
    x: what is modelled.
    given: the fields that are conditions.
    prior: of the latents; standard normal by default.
    dequantization: see `jaxgen.families.flow.dequantization`; by default uniform noise on discrete data.
    temperature: T, the latents of a sample are this times a draw from the prior (Kingma & Dhariwal, "Glow", 2018).
      With a normal prior and a log-determinant that is the same everywhere, as of additive couplings, samples are then
      of the density `p^(1 / T^2)`, normalized (the paper writes `T^2`); with affine ones they are not, and T is a knob.

  Returns:
    A model with `log_prob` and `encode`, and where the bijector has an inverse `sample` with the knob 'temperature',
    `latents` and `decode`.

  Raises:
    ValueError: if the bijector has no forward direction, without which there is nothing to train by.
  """
  if not bijector.has_forward:
    raise ValueError(
      'maximum likelihood needs a bijector that goes from the data to the latents in closed form.'
    )
  prior, dequantization = prior or losses.standard_normal(), dequantization or usual(x)
  model = FlowModel(assembled(bijector, dequantization), bijector, prior, dequantization, x, given)
  closed = precisely if bijector.has_inverse else lambda function: None
  exact = not dequantization.parts
  return GenerativeModel(
    init=partial(init, model),
    update=chain(minimize(partial(_loss, model), tx, axis_name=DATA_AXIS), ema(ema_decay)),
    evaluate=precisely(partial(_evaluate, model)),
    sample=closed(partial(_sample, model, temperature=temperature)),
    objective=OBJECTIVE if exact else BOUND,
    given=tuple(given),
    knobs={'temperature': temperature} if bijector.has_inverse else {},
    selected_by='bits_per_dim',
    log_prob=precisely(partial(_log_prob, model)),
    log_prob_estimate=Estimate(
      'exact' if exact else 'lower bound', noise_draws=dequantization.noise_draws, given=tuple(given)
    ),
    latents=closed(partial(_latents, model)),
    encode=precisely(partial(_encode, model)),
    decode=closed(partial(_decode, model)),
  )


def _terms(model, point):
  nll = losses.negative_log_likelihood(point.latents, point.log_det, model.prior)
  return {
    'loss': nll / fields.size(model.x),
    'bits_per_dim': bits_per_dim(-nll, model.x.shape, model.x.levels),
    'log_prior': model.prior.log_prob(point.latents),
    'log_det': point.log_det,
  }


def _loss(model, params, extra, rng, batch):
  point = forward(model, params, extra, rng, batch, train=True)
  metrics = _terms(model, point)
  return metrics['loss'].mean(), (point.extra, metrics)


def _evaluate(model, params, extra, rng, batch):
  point = forward(model, params, extra, rng, batch)
  if not model.bijector.has_inverse:
    return _terms(model, point)
  again = inverse(model, params, extra, point.latents, conditions.prepared(batch, model.given))
  drift = jnp.abs(again - point.y)
  return _terms(model, point) | {'inversion_error': drift.max(axis=tuple(range(1, drift.ndim)))}


def _log_prob(model, params, extra, rng, batch):
  point = forward(model, params, extra, rng, batch)
  return losses.log_prob(point.latents, point.log_det, model.prior)


def _encode(model, params, extra, rng, batch):
  return forward(model, params, extra, rng, batch).latents


def _decode(model, params, extra, latents, given=None):
  prepared = conditions.prepared(given or {}, model.given)
  return model.dequantization.discrete(inverse(model, params, extra, latents, prepared))


def _latents(model, params, extra, rng, num):
  blank = fields.blank({'x': model.x, **model.given}, num)
  like = jax.eval_shape(partial(forward, model), params, extra, rng, blank).latents
  return model.prior.sample(rng, like)


def _sample(model, params, extra, rng, num, given=None, *, temperature):
  rng_latents, rng_given = jax.random.split(rng)
  warm = jax.tree.map(lambda z: temperature * z, _latents(model, params, extra, rng_latents, num))
  prepared = conditions.to_sample(rng_given, num, given, model.given)
  return model.dequantization.discrete(inverse(model, params, extra, warm, prepared))
