"""Normalizing flows: a bijector and two slots -> GenerativeModel."""

from functools import partial
from types import MappingProxyType

import jax
import jax.numpy as jnp
import optax

from jaxgen import fields
from jaxgen.bijectors import Bijector
from jaxgen.errors import UserError
from jaxgen.families import conditions, statistics
from jaxgen.families.flow.base import Base, standard_normal
from jaxgen.families.flow.dequantization import Dequantization, usual
from jaxgen.families.flow.model import FlowModel, assembled, forward, init, inverse
from jaxgen.families.precision import precisely
from jaxgen.metrics.bits_per_dim import bits_per_dim
from jaxgen.types import DATA_AXIS, DataSpec, Estimate, Field, GenerativeModel
from jaxgen.updates import chain, ema, minimize

OBJECTIVE = 'loss = -(log_prior + log_det) / D, the exact negative log-likelihood in nats per dimension'
TEMPERED = (
  'samples are of p(x)^(1 / T^2), normalized: the base is normal, and the log-determinant everywhere the same'
)
HEURISTIC = 'a heuristic: samples are not of a power of p(x), since the log-determinant varies with x'
BOUND = 'loss = -(log_prior + log_det) / D, a bound on the negative log-likelihood in nats per dimension'


def flow(
  bijector: Bijector,
  *,
  tx: optax.GradientTransformation,
  ema_decay: float,
  x: Field,
  given: DataSpec = MappingProxyType({}),
  base: Base | None = None,
  dequantization: Dequantization | None = None,
  temperature: float = 1.0,
  drift: bool = True,
  average_statistics: bool = True,
) -> GenerativeModel:
  """A flow trained by maximum likelihood: `log p(x) = log p_base(f(y)) + log|det df/dy|`, y being x dequantized.

  Parameters are in 'flow', constants such as fixed permutations and running statistics in `extra`, both beside what the
  slots bring. Everything but the training step runs in full float32 precision on every device, so that the inverse
  inverts; evaluation says how nearly: `inversion_error` is the largest `|f^-1(f(y)) - y|` of an example.

  Args:
    bijector: f, from the data, in the unit cube where they are discrete, to the latents; one without an inverse makes a
      density that cannot be sampled. Conditions reach it as `given`, see `jaxgen.families.conditions.prepared`.
    tx: the optimizer.
    ema_decay: of the averaged weights.
    x: what is modelled.
    given: the fields that are conditions.
    base: of the latents, see `jaxgen.families.flow.base`; standard normal by default.
    dequantization: see `jaxgen.families.flow.dequantization`; by default uniform noise on discrete data.
    temperature: T, the latents of a sample are draws of the base at this temperature (Kingma & Dhariwal, "Glow", 2018).
      With a normal base and a log-determinant that is the same everywhere, as of additive couplings, samples are then
      of the density `p^(1 / T^2)`, normalized (the paper writes `T^2`); with affine ones they are not. The model's
      `meanings` say which holds.
    drift: whether evaluation goes back from the latents to say how nearly the inverse inverts; where the way back takes
      as many passes as an image has pixels, it costs more than all the rest.
    average_statistics: whether averaged weights have averaged batch statistics, where there are any, see
      `jaxgen.families.statistics`; else they have those of the newest weights.

  Returns:
    A model with `log_prob` and `encode`, where the bijector has an inverse `decode`, and where the base can be drawn
    from too `sample` with the knob 'temperature' and, unless it depends on conditions, `latents`.

  Raises:
    ValueError: if the bijector has no forward direction, without which there is nothing to train by.
    UserError: if bijector, base or dequantization do not fit the data or the conditions.
  """
  if not bijector.has_forward:
    raise ValueError(
      'maximum likelihood needs a bijector that goes from the data to the latents in closed form.'
    )
  base, dequantization = base or standard_normal(), dequantization or usual(x)
  _check_data(bijector, base, dequantization, x)
  _check_conditions(base, given)
  model = FlowModel(assembled(bijector, base, dequantization), bijector, base, dequantization, x, given)
  start, invertible = partial(init, model), bijector.has_inverse
  sampled = invertible and base.sample is not None
  exact = not dequantization.parts
  return GenerativeModel(
    init=statistics.averaged(start) if average_statistics else start,
    update=chain(minimize(partial(_loss, model), tx, axis_name=DATA_AXIS), ema(ema_decay)),
    evaluate=precisely(partial(_evaluate, model, drift=drift and invertible)),
    sample=precisely(partial(_sample, model, temperature=temperature)) if sampled else None,
    objective=OBJECTIVE if exact else BOUND,
    given=tuple(given),
    knobs={'temperature': temperature} if sampled else {},
    meanings={'temperature': _meaning(bijector, base)} if sampled else {},
    selected_by='bits_per_dim',
    log_prob=precisely(partial(_log_prob, model)),
    log_prob_estimate=Estimate(
      'exact' if exact else 'lower bound', noise_draws=dequantization.noise_draws, given=tuple(given)
    ),
    latents=precisely(partial(_latents, model)) if sampled and not (base.conditional and given) else None,
    encode=precisely(partial(_encode, model)),
    decode=precisely(partial(_decode, model)) if invertible else None,
    standing=statistics.standing if average_statistics else None,
  )


def _meaning(bijector, base):
  """What a sample at temperature T is."""
  if not base.tempered:
    return f'a heuristic: {base.name} at temperature T is no power of its density'
  return TEMPERED if bijector.constant_log_det else HEURISTIC


def _check_data(bijector, base, dequantization, x):
  if dequantization.levels != x.levels:
    takes, theirs = (
      f'{levels} values' if levels else 'continuous data' for levels in (dequantization.levels, x.levels)
    )
    raise UserError(
      f'this dequantization is of {takes}, and x is {theirs}; whole numbers need noise, uniform or variational, and '
      'continuous data none.'
    )
  if bijector.first.of_unit_cube and not x.levels:
    raise UserError(
      f'the first layer of the flow ({type(bijector.first).__name__}) takes numbers in [0, 1], and x, continuous data '
      f'of shape {x.shape}, may lie anywhere; put a ScaleShift before it that takes them there.'
    )
  try:
    base.check(bijector.latent_shape(x.shape))
  except ValueError as error:
    raise UserError(f'the flow cannot take {x.kind} data of shape {x.shape}: {error}') from None


def _check_conditions(base, given):
  for name in base.needs:
    if name not in given:
      raise UserError(
        f'the base of the latents is {base.name}, which has to be given; set config.given="(\'{name}\',)", or take '
        'another base.'
      )
    if given[name].kind != 'label':
      raise UserError(
        f'the base of the latents is {base.name}, and {name} is no label but {given[name].kind} data of shape '
        f'{given[name].shape}; give a label, or take another base.'
      )


def _terms(model, point):
  nll = -_log_density(point)
  return {
    'loss': nll / fields.size(model.x),
    'bits_per_dim': bits_per_dim(-nll, model.x.shape, model.x.levels),
    'log_prior': point.log_prior,
    'log_det': point.log_det,
  }


def _log_density(point):
  return point.log_prior + point.log_det


def _loss(model, params, extra, rng, batch):
  point = forward(model, params, extra, rng, batch, train=True)
  metrics = _terms(model, point)
  return metrics['loss'].mean(), (point.extra, metrics)


def _evaluate(model, params, extra, rng, batch, *, drift):
  point = forward(model, params, extra, rng, batch)
  if not drift:
    return _terms(model, point)
  again = inverse(model, params, extra, point.latents, conditions.prepared(batch, model.given))
  off = jnp.abs(again - point.y)
  return _terms(model, point) | {'inversion_error': off.max(axis=tuple(range(1, off.ndim)))}


def _log_prob(model, params, extra, rng, batch):
  return _log_density(forward(model, params, extra, rng, batch))


def _encode(model, params, extra, rng, batch):
  return forward(model, params, extra, rng, batch).latents


def _decode(model, params, extra, latents, given=None):
  prepared = conditions.prepared(given or {}, model.given)
  return model.dequantization.discrete(inverse(model, params, extra, latents, prepared))


def _latents(model, params, extra, rng, num):
  return _drawn(model, params, extra, rng, num, conditions.blank(model.given, num), temperature=1.0)


def _sample(model, params, extra, rng, num, given=None, *, temperature):
  rng_latents, rng_given = jax.random.split(rng)
  prepared = conditions.to_sample(rng_given, num, given, model.given)
  latents = _drawn(model, params, extra, rng_latents, num, prepared, temperature)
  return model.dequantization.discrete(inverse(model, params, extra, latents, prepared))


def _drawn(model, params, extra, rng, num, prepared, temperature):
  blank = fields.blank({'x': model.x, **model.given}, num)
  like = jax.eval_shape(partial(forward, model), params, extra, rng, blank).latents
  return model.base.sample(model.networks.apply, params, extra, rng, like, prepared, temperature)
