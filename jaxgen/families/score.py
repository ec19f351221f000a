"""Score models: a network that points from noise to data makes a `GenerativeModel`."""

import math
from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from jaxgen import fields
from jaxgen.families import conditions, parameterizations, weightings
from jaxgen.families.networks import networks
from jaxgen.families.parameterizations import Parameterization
from jaxgen.families.paths import Path
from jaxgen.families.pixels import to_data, to_network
from jaxgen.families.precision import precisely
from jaxgen.families.score_decoder import log_mass_bound
from jaxgen.families.score_samplers import Way, predictor_corrector_way
from jaxgen.families.weightings import Weighting
from jaxgen.losses.score import denoising_error, geometric_sigmas
from jaxgen.samplers.clamped import clamped
from jaxgen.samplers.probability_flow import probability_flow_log_prob
from jaxgen.samplers.run import run
from jaxgen.types import DATA_AXIS, DataSpec, Estimate, Field, GenerativeModel
from jaxgen.updates import chain, ema, minimize

_FRAMES = 32  # of a trajectory, at most
_EVALUATED_LEVELS = 4
_COMPLETION_LEVELS = 100  # of 20, what is drawn lags far behind what is observed
_EXACT_DIMENSIONS = 3  # in which a whole Jacobian is cheap


def score(
  network: nn.Module,
  *,
  path: Path,
  tx: optax.GradientTransformation,
  ema_decay: float,
  x: Field,
  way: Way,
  given: DataSpec = MappingProxyType({}),
  parameterization: Parameterization | None = None,
  weighting: Weighting | None = None,
  ode_steps: int = 50,
) -> GenerativeModel:
  """A noise-conditional score network (Song & Ermon, "Generative modeling by estimating gradients", 2019).

  `loss = ||sigma s(x + sigma e, sigma) + e||^2 / 2`, at a level drawn for each example; half the
  dimension for a score of zero. Pixels are scaled to [-1, 1], and sigma is in those units. Samples go
  the `way` that is given, from `N(0, path.sigmas[0]^2 I)` on. Evaluation adds the loss at a few single levels,
  `loss_sigma_<level>`.

  Args:
    network: `(inputs f32[B, *shape], sigma f32[B], given, train) -> f32[B, *shape]`, what the parameterization makes a
      score of; `given` is what `jaxgen.families.conditions.prepared` makes.
    path: how data become noise; see `jaxgen.families.paths`.
    tx: the optimizer.
    ema_decay: of the averaged weights.
    x: what is modelled.
    way: from noise to samples; see `jaxgen.families.score_samplers.WAYS`.
    given: the fields that are conditions.
    parameterization: of the score by the network, which is the score itself by default.
    weighting: of the noise levels in the loss; by default all alike.
    ode_steps: of the ODE that `log_prob` follows from the smallest to the largest noise, two evaluations of the network
      and its derivative each.

  Returns:
    A `GenerativeModel` with params 'network'. `sample` has the knobs of the way. `trajectory` gives at most 32 frames,
    the last of which are samples. `complete` replaces the observed part at each noise level, see
    `jaxgen.samplers.clamped`, and goes by predictor and corrector whatever the way (Song et al. 2021, appendix I.2):
    without fresh noise a chain cannot make good what it did before it saw enough. `log_prob` goes by the density of the
    probability-flow ODE, whatever the way to samples, for data blurred by the last level: an estimate, with
    `jaxgen.samplers.probability_flow_log_prob`'s one direction per example, exact in up to three dimensions. Of pixels
    it is an estimate of a lower bound on the log-mass of the discrete data, see
    `jaxgen.families.score_decoder.log_mass_bound`, one draw of noise per example; of continuous data it is the density
    of the blurred data, at the point itself.

  Raises:
    ValueError: if there are no steps of the ODE.
  """
  weighting = weighting or weightings.noise()
  prepared, to_sample = partial(conditions.prepared, given=given), partial(conditions.to_sample, given=given)
  scored = _scored(network, path, parameterization or parameterizations.score())
  estimate, completion = _estimate(x, given, ode_steps), _completion(path)
  in_data = partial(to_data, levels=x.levels)
  error_at = _weighted_error(scored, weighting, x, prepared)
  shown = path.sigmas[np.linspace(0, len(path.sigmas) - 1, _EVALUATED_LEVELS).round().astype(int)]
  start = lambda rng, num: path.sigmas[0] * jax.random.normal(rng, (num, *x.shape))  # noqa: E731

  def init(rng, batch):
    del batch
    return scored.init(rng, {'network': (jnp.zeros((1, *x.shape)), jnp.ones(1), conditions.blank(given))})

  def score_fn(params, extra, cond):
    return lambda noisy, sigma: scored.apply(params, extra, noisy, sigma, cond)[0]

  def loss(params, extra, rng, batch):
    level_rng, noise_rng, dropout_rng = jax.random.split(rng, 3)
    sigma = path.draw(level_rng, len(batch['x']))
    terms, extra = error_at(params, extra, noise_rng, batch, sigma, True, dropout_rng)
    return terms.mean(), (extra, {'loss': terms})

  def evaluate(params, extra, rng, batch):
    level_rng, noise_rng = jax.random.split(rng)
    error = lambda sigma: error_at(params, extra, noise_rng, batch, sigma)[0]  # noqa: E731
    fixed = {f'loss_sigma_{level:.3g}': error(jnp.full(len(batch['x']), level)) for level in shown}
    return {'loss': error(path.draw(level_rng, len(batch['x']))), **fixed}

  def log_prob(params, extra, rng, batch):
    return _log_prob(score_fn(params, extra, prepared(batch)), rng, batch['x'], x.levels, path, estimate)

  def drawn(params, extra, rng, num, given, way, **record):
    start_rng, chain_rng, given_rng = jax.random.split(rng, 3)
    sampler = way.sampler(score_fn(params, extra, to_sample(given_rng, num, given)))
    return run(sampler, chain_rng, start(start_rng, num), way.num_steps, **record)

  def sample(params, extra, rng, num, given=None, **knobs):
    with jax.ensure_compile_time_eval():  # a way is made of numbers, in a compiled program too
      turned = way.turned(**knobs) if knobs else way
    return in_data(drawn(params, extra, rng, num, given, turned)[0].position)

  def complete(params, extra, rng, batch, observed):
    start_rng, chain_rng = jax.random.split(rng)
    known = to_network(batch['x'], x.levels)
    fn = score_fn(params, extra, prepared(batch))
    sampler = clamped(completion.sampler(fn), known, observed, completion.sigmas)
    state, _ = run(sampler, chain_rng, start(start_rng, len(known)), completion.num_steps)
    return jnp.where(observed, batch['x'], in_data(state.position))

  def trajectory(params, extra, rng, num, given=None):
    frame = lambda state, info: in_data(state.position)  # noqa: E731
    thin = -(-way.num_steps // _FRAMES)
    return drawn(params, extra, rng, num, given, way, trace=frame, thin=thin)[1]

  def at(params, extra, noisy, sigma, given=None):
    return score_fn(params, extra, prepared(given or {}))(noisy, sigma)

  return GenerativeModel(
    init=init,
    update=chain(minimize(loss, tx, axis_name=DATA_AXIS), ema(ema_decay)),
    evaluate=evaluate,
    sample=sample,
    objective=_objective(weighting, path, way),
    given=tuple(given),
    knobs=way.knobs,
    selected_by='loss',
    log_prob=precisely(log_prob),
    log_prob_estimate=estimate,
    complete=complete,
    score=at,
    trajectory=trajectory,
  )


def _objective(weighting, path, way):
  return (
    f'loss = {weighting.description}||sigma s(x + sigma e, sigma) + e||^2 / 2, {path.description}; '
    f'a sample: {way.description}, {way.evaluations} evaluations'
  )


class _Scored(NamedTuple):
  """`init` of `jaxgen.families.networks` and `apply(params, extra, x, sigma, given, train, rng) -> (score, extra)`."""

  init: Callable
  apply: Callable


def _scored(network, path, parameterization):
  nets = networks(network=network)

  def apply(params, extra, noisy, sigma, given, train=False, rng=None):
    inputs = parameterization.inputs(noisy, sigma, path.scale(sigma))
    outputs, extra = nets.apply('network', params, extra, inputs, sigma, given, train=train, rng=rng)
    return parameterization.score(outputs, noisy, sigma), extra

  return _Scored(nets.init, apply)


def _weighted_error(scored, weighting, x, prepared):
  def error_at(params, extra, rng, batch, sigma, train=False, dropout_rng=None):
    clean = to_network(batch['x'], x.levels)
    noise = jax.random.normal(rng, clean.shape)
    noisy = clean + sigma.reshape((-1,) + (1,) * (clean.ndim - 1)) * noise
    score, extra = scored.apply(params, extra, noisy, sigma, prepared(batch), train, dropout_rng)
    return weighting.weight(sigma) * denoising_error(score, noise, sigma), extra

  return error_at


def _estimate(x, given, ode_steps):
  if ode_steps < 1:
    raise ValueError(f'ode_steps must be at least 1, not {ode_steps}.')
  return Estimate(
    'ODE estimate of a lower bound' if x.levels else 'ODE estimate for blurred data',
    ode_steps=ode_steps,
    probes=0 if fields.size(x) <= _EXACT_DIMENSIONS else 1,
    noise_draws=int(x.levels > 0),
    given=tuple(given),
  )


def _completion(path):
  return predictor_corrector_way(
    path.sigmas, 1.0, num_levels=_COMPLETION_LEVELS, signal_to_noise=0.16, corrector_steps=1
  )


def _log_prob(score_fn, rng, x, levels, path, estimate):
  rising = geometric_sigmas(path.sigmas[0], path.sigmas[-1], estimate.ode_steps + 1)[::-1]

  def log_density(rng, y):
    return probability_flow_log_prob(score_fn, rng, y, rising, estimate.probes)

  if not levels:
    return log_density(rng, x)
  smallest = jnp.full(len(x), path.sigmas[-1])
  bound = partial(log_mass_bound, lambda y: score_fn(y, smallest), log_density, rng, x)
  return bound(float(path.sigmas[-1]), levels) + math.prod(x.shape[1:]) * math.log(levels)
