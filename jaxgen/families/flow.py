"""Normalizing flows: a bijector and a prior -> GenerativeModel."""

from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgen import fields
from jaxgen.bijectors import Bijector
from jaxgen.families import conditions
from jaxgen.families.dequantizations import Dequantization, usual
from jaxgen.families.networks import Part, networks
from jaxgen.families.precision import precisely
from jaxgen.losses import flow as losses
from jaxgen.metrics.bits_per_dim import bits_per_dim
from jaxgen.types import DATA_AXIS, DataSpec, Estimate, Extra, Field, GenerativeModel
from jaxgen.updates import chain, ema, minimize

OBJECTIVE = 'loss = -(log_prior + log_det) / D, the exact negative log-likelihood in nats per dimension'
BOUND = 'loss = -(log_prior + log_det) / D, a bound on the negative log-likelihood in nats per dimension'


class Point(NamedTuple):
  """One example on its way to the latents."""

  y: jax.Array  # f32[B, *shape], dequantized
  latents: object
  log_det: jax.Array  # f32[B], of the bijector and the dequantization
  extra: Extra


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
    dequantization: see `jaxgen.families.dequantizations`; by default uniform noise on discrete data.
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
  names, dims = tuple(given), fields.size(x)
  prepared, to_sample = partial(conditions.prepared, given=given), partial(conditions.to_sample, given=given)
  init, forward, inverse = _change_of_variables(bijector, dequantization, prepared)

  def terms(point):
    nll = losses.negative_log_likelihood(point.latents, point.log_det, prior)
    return {
      'loss': nll / dims,
      'bits_per_dim': bits_per_dim(-nll, x.shape, x.levels),
      'log_prior': prior.log_prob(point.latents),
      'log_det': point.log_det,
    }

  def loss(params, extra, rng, batch):
    point = forward(params, extra, rng, batch, train=True)
    metrics = terms(point)
    return metrics['loss'].mean(), (point.extra, metrics)

  def evaluate(params, extra, rng, batch):
    point = forward(params, extra, rng, batch)
    if not bijector.has_inverse:
      return terms(point)
    drift = jnp.abs(inverse(params, extra, point.latents, prepared(batch)) - point.y)
    return terms(point) | {'inversion_error': drift.max(axis=tuple(range(1, drift.ndim)))}

  def log_prob(params, extra, rng, batch):
    point = forward(params, extra, rng, batch)
    return losses.log_prob(point.latents, point.log_det, prior)

  def encode(params, extra, rng, batch):
    return forward(params, extra, rng, batch).latents

  def decode(params, extra, latents, given=None):
    return dequantization.discrete(inverse(params, extra, latents, prepared(given or {})))

  def latents(params, extra, rng, num):
    blank = fields.blank({'x': x, **given}, num)
    return prior.sample(rng, jax.eval_shape(forward, params, extra, rng, blank).latents)

  def sample(params, extra, rng, num, given=None, temperature=temperature):
    rng_latents, rng_given = jax.random.split(rng)
    warm = jax.tree.map(lambda z: temperature * z, latents(params, extra, rng_latents, num))
    return dequantization.discrete(inverse(params, extra, warm, to_sample(rng_given, num, given)))

  closed = precisely if bijector.has_inverse else lambda function: None
  exact = not dequantization.parts
  return GenerativeModel(
    init=init,
    update=chain(minimize(loss, tx, axis_name=DATA_AXIS), ema(ema_decay)),
    evaluate=precisely(evaluate),
    sample=closed(sample),
    objective=OBJECTIVE if exact else BOUND,
    given=names,
    knobs={'temperature': temperature} if bijector.has_inverse else {},
    selected_by='bits_per_dim',
    log_prob=precisely(log_prob),
    log_prob_estimate=Estimate(
      'exact' if exact else 'lower bound', noise_draws=dequantization.noise_draws, given=names
    ),
    latents=closed(latents),
    encode=precisely(encode),
    decode=closed(decode),
  )


class _Maps(NamedTuple):
  """`init(rng, batch) -> (params, extra)`, `forward(params, extra, rng, batch, train=False) -> Point` and
  `inverse(params, extra, latents, given) -> y`."""

  init: Callable
  forward: Callable
  inverse: Callable


def _change_of_variables(bijector, dequantization, prepared):
  parts = {'flow': Part(bijector, lambda: (), 'forward_and_log_det'), **dequantization.parts}
  modules = {name: part.module for name, part in parts.items()}
  nets = networks({name: part.method for name, part in parts.items() if part.method}, **modules)

  def init(rng, batch):
    rng_flow, rng_noise = jax.random.split(rng)
    x, given = batch['x'], prepared(batch)
    params, extra = nets.init(rng_noise, {name: part.inputs() for name, part in dequantization.parts.items()})
    y, _, _ = dequantization.draw(nets.apply, params, extra, rng_noise, x, given, train=False)
    flow_params, flow_extra = nets.init(rng_flow, {'flow': (y, given)})
    return params | flow_params, extra | flow_extra

  def forward(params, extra, rng, batch, train=False):
    given = prepared(batch)
    y, log_q, extra = dequantization.draw(nets.apply, params, extra, rng, batch['x'], given, train=train)
    key = jax.random.fold_in(rng, 1) if train else None
    apply = partial(nets.apply, method='forward_and_log_det', train=train, rng=key)
    (latents, log_det), extra = apply('flow', params, extra, y, given)
    return Point(y, latents, log_det + log_q, extra)

  def inverse(params, extra, latents, given):
    apply = partial(nets.apply, method='inverse_and_log_det', train=False)
    return apply('flow', params, extra, latents, given)[0][0]

  return _Maps(init, forward, inverse)
