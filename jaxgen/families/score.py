"""Score models: a network that points from noise to data makes a `GenerativeModel`."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from jaxgen.families.labels import condition, condition_to_sample, given_by
from jaxgen.families.pixels import to_data, to_network
from jaxgen.families.precision import precisely
from jaxgen.families.score_decoder import log_mass_bound
from jaxgen.families.score_samplers import Way
from jaxgen.losses.score import denoising, geometric_sigmas
from jaxgen.samplers.probability_flow import probability_flow_log_prob
from jaxgen.samplers.run import run
from jaxgen.types import DATA_AXIS, Estimate, GenerativeModel
from jaxgen.updates import chain, ema, minimize

_FRAMES = 32  # of a trajectory, at most
_EVALUATED_LEVELS = 4
_EXACT_DIMENSIONS = 3  # in which a whole Jacobian is cheap


def score(
  network: nn.Module,
  *,
  sigmas: Sequence[float] | jax.Array | np.ndarray,
  tx: optax.GradientTransformation,
  ema_decay: float,
  shape: tuple[int, ...],
  levels: int,
  way: Way,
  classes: int = 0,
  ode_steps: int = 50,
) -> GenerativeModel:
  """A noise-conditional score network (Song & Ermon, "Generative modeling by estimating gradients", 2019).

  `loss = ||sigma s(x + sigma e, sigma) + e||^2 / 2`, at a level drawn uniformly for each example; half the
  dimension for a score of zero. Pixels are scaled to [-1, 1], and sigma is in those units. Samples go
  the `way` that is given, from `N(0, sigmas[0]^2 I)` on. Evaluation adds the loss at a few single levels,
  `loss_sigma_<level>`.

  Args:
    network: `(x f32[B, *shape], sigma f32[B], condition, train) -> f32[B, *shape]`, the score of the data blurred by
      `sigma`; the condition is f32[B, classes], or None; `train` switches dropout on (key 'dropout').
    sigmas: the noise levels, falling; see `jaxgen.losses.score.geometric_sigmas`.
    tx: the optimizer.
    ema_decay: of the averaged weights.
    shape: of one example.
    levels: the number of values a pixel takes, 0 for continuous data.
    way: from noise to samples; see `jaxgen.families.score_samplers.WAYS`.
    classes: the number of labels to condition on, 0 for none.
    ode_steps: of the ODE that `log_prob` follows from `sigmas[-1]` to `sigmas[0]`, two evaluations of the network and
      its derivative each.

  Returns:
    A `GenerativeModel` with params 'network' and an empty `extra`. `trajectory` gives at most 32 frames, the last of
    which are samples. `log_prob` goes by the density of the probability-flow ODE, whatever the way to samples, for data
    blurred by the last level: an estimate, with `jaxgen.samplers.probability_flow_log_prob`'s one direction per
    example, exact in up to three dimensions. Of pixels it is an estimate of a lower bound on the log-mass of the
    discrete data, see `jaxgen.families.score_decoder.log_mass_bound`, one draw of noise per example; of continuous
    data it is the density of the blurred data, at the point itself.

  Raises:
    ValueError: if there are fewer than two noise levels, they do not fall, or there are no steps of the ODE.
  """
  sigmas = np.asarray(sigmas, np.float32)
  if len(sigmas) < 2 or not np.all(np.diff(sigmas) < 0) or sigmas[-1] <= 0:
    raise ValueError('sigmas must be at least two positive noise levels in falling order.')
  if ode_steps < 1:
    raise ValueError(f'ode_steps must be at least 1, not {ode_steps}.')
  rising = geometric_sigmas(sigmas[0], sigmas[-1], ode_steps + 1)[::-1]
  num_probes = 0 if math.prod(shape) <= _EXACT_DIMENSIONS else 1

  def init(rng, batch):
    del batch
    given = jnp.zeros((1, classes)) if classes else None
    return {'network': network.init(rng, jnp.zeros((1, *shape)), jnp.ones(1), given, False)['params']}, {}

  def score_fn(params, given, train=False, **rngs):
    def apply(x, sigma):
      outputs: Any = network.apply({'params': params['network']}, x, sigma, given, train, **rngs)
      return outputs.astype(jnp.float32)

    return apply

  def loss(params, extra, rng, batch):
    level_rng, noise_rng, dropout_rng = jax.random.split(rng, 3)
    x, given = to_network(batch['x'], levels), condition(batch, classes)
    sigma = jnp.asarray(sigmas)[jax.random.randint(level_rng, x.shape[:1], 0, len(sigmas))]
    fn = score_fn(params, given, True, rngs={'dropout': dropout_rng})
    terms = denoising(fn, noise_rng, x, sigma)
    return terms.mean(), (extra, {'loss': terms})

  def evaluate(params, extra, rng, batch):
    del extra
    level_rng, noise_rng = jax.random.split(rng)
    x, given = to_network(batch['x'], levels), condition(batch, classes)
    fn = score_fn(params, given)
    sigma = jnp.asarray(sigmas)[jax.random.randint(level_rng, x.shape[:1], 0, len(sigmas))]
    metrics = {'loss': denoising(fn, noise_rng, x, sigma)}
    for level in sigmas[np.linspace(0, len(sigmas) - 1, _EVALUATED_LEVELS).round().astype(int)]:
      fixed = jnp.full(x.shape[:1], level)
      metrics[f'loss_sigma_{level:.3g}'] = denoising(fn, noise_rng, x, fixed)
    return metrics

  def log_prob(params, extra, rng, batch):
    del extra
    fn = score_fn(params, condition(batch, classes))

    def log_density(rng, y):
      return probability_flow_log_prob(fn, rng, y, rising, num_probes)

    if not levels:
      return log_density(rng, batch['x'])
    last = jnp.full(batch['x'].shape[:1], sigmas[-1])
    log_mass = log_mass_bound(lambda y: fn(y, last), log_density, rng, batch['x'], float(sigmas[-1]), levels)
    return log_mass + math.prod(shape) * math.log(levels)

  def chain_of(params, rng, num, label, **record):
    start_rng, chain_rng, label_rng = jax.random.split(rng, 3)
    given = condition_to_sample(label_rng, num, label, classes)
    start = sigmas[0] * jax.random.normal(start_rng, (num, *shape))
    return run(way.sampler(score_fn(params, given)), chain_rng, start, way.num_steps, **record)

  def sample(params, extra, rng, num, label=None):
    del extra
    state, _ = chain_of(params, rng, num, label)
    return to_data(state.position, levels)

  def trajectory(params, extra, rng, num):
    del extra
    thin = -(-way.num_steps // _FRAMES)
    frame = lambda state, info: to_data(state.position, levels)  # noqa: E731
    return chain_of(params, rng, num, None, trace=frame, thin=thin)[1]

  return GenerativeModel(
    init=init,
    update=chain(minimize(loss, tx, axis_name=DATA_AXIS), ema(ema_decay)),
    evaluate=evaluate,
    sample=sample,
    objective=(
      f'loss = ||sigma s(x + sigma e, sigma) + e||^2 / 2, {len(sigmas)} noise levels '
      f'{sigmas[0]:.3g} to {sigmas[-1]:.3g}; a sample: {way.description}, {way.evaluations} evaluations'
    ),
    given=given_by(classes),
    selected_by='loss',
    log_prob=precisely(log_prob),
    log_prob_estimate=Estimate(
      'ODE estimate of a lower bound' if levels else 'ODE estimate for blurred data',
      ode_steps=ode_steps,
      probes=num_probes,
      noise_draws=int(levels > 0),
      given=given_by(classes),
    ),
    trajectory=trajectory,
  )
