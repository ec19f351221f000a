"""Score models: a network that points from noise to data makes a `GenerativeModel`."""

from functools import partial
from types import MappingProxyType

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from jaxgen.families import conditions
from jaxgen.families.networks import Part, assembled
from jaxgen.families.pixels import to_network
from jaxgen.families.precision import precisely
from jaxgen.families.score import density, likelihoods, parameterizations, sampling, weightings
from jaxgen.families.score.likelihoods import Likelihood
from jaxgen.families.score.model import ScoreModel, scored
from jaxgen.families.score.parameterizations import Parameterization
from jaxgen.families.score.path import Path
from jaxgen.families.score.samplers import Way
from jaxgen.families.score.weightings import Weighting
from jaxgen.losses.score import denoising_error
from jaxgen.types import DATA_AXIS, DataSpec, Field, GenerativeModel
from jaxgen.updates import chain, ema, minimize

_EVALUATED_LEVELS = 4


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
  likelihood: Likelihood | None = None,
) -> GenerativeModel:
  """A noise-conditional score network (Song & Ermon, "Generative modeling by estimating gradients", 2019).

  `loss = ||sigma s(x + sigma e, sigma) + e||^2 / 2`, at a level drawn for each example; half the
  dimension for a score of zero. Pixels are scaled to [-1, 1], and sigma is in those units. Samples go
  the `way` that is given, from `N(0, path.sigmas[0]^2 I)` on. Evaluation adds the loss at a few single levels,
  `loss_sigma_<level>`.

  Args:
    network: `(inputs f32[B, *shape], sigma f32[B], given, train) -> f32[B, *shape]`, what the parameterization makes a
      score of; `given` is what `jaxgen.families.conditions.prepared` makes.
    path: how data become noise; see `jaxgen.families.score.paths`.
    tx: the optimizer.
    ema_decay: of the averaged weights.
    x: what is modelled.
    way: from noise to samples; see `jaxgen.families.score.samplers.WAYS`.
    given: the fields that are conditions.
    parameterization: of the score by the network, which is the score itself by default.
    weighting: of the noise levels in the loss; by default all alike.
    likelihood: what `log_prob` is; see `jaxgen.families.score.likelihoods`. By default it is taken along the ODE.

  Returns:
    A `GenerativeModel` with params 'network'. `sample` has the knobs of the way. `trajectory` gives at most 32 frames,
    the last of which are samples. `complete` replaces the observed part at each noise level, see
    `jaxgen.samplers.clamped`, and goes by predictor and corrector whatever the way (Song et al. 2021, appendix I.2):
    without fresh noise a chain cannot make good what it did before it saw enough. `log_prob` is what the likelihood
    says, whatever the way to samples, of discrete data a bound on their log-mass.

  Raises:
    ValueError: if the likelihood is none of such data.
  """
  start, apply = assembled(
    {'network': Part(network, lambda: (jnp.zeros((1, *x.shape)), jnp.ones(1), conditions.blank(given)))}
  )
  likelihood = likelihood or likelihoods.ode()
  model = ScoreModel(
    apply,
    path,
    parameterization or parameterizations.score(),
    weighting or weightings.noise(),
    way,
    sampling.completion_way(path),
    likelihood,
    x,
    given,
  )
  return GenerativeModel(
    init=lambda rng, batch: start(rng),
    update=chain(minimize(partial(_loss, model), tx, axis_name=DATA_AXIS), ema(ema_decay)),
    evaluate=partial(_evaluate, model),
    sample=partial(sampling.sample, model),
    objective=_objective(model),
    given=tuple(given),
    knobs=way.knobs,
    selected_by='loss',
    log_prob=precisely(partial(density.log_prob, model)),
    log_prob_estimate=likelihood.estimate(x, path)._replace(given=tuple(given)),
    complete=partial(sampling.complete, model),
    score=partial(sampling.score_at, model),
    noise_range=(float(path.sigmas[0]), float(path.sigmas[-1])),
    trajectory=partial(sampling.trajectory, model),
  )


def _objective(model):
  return (
    f'loss = {model.weighting.description}||sigma s(x + sigma e, sigma) + e||^2 / 2, {model.path.description}; '
    f'a sample: {model.way.description}, {model.way.evaluations} evaluations'
  )


def _loss(model, params, extra, rng, batch):
  level_rng, noise_rng, dropout_rng = jax.random.split(rng, 3)
  sigma = model.path.draw(level_rng, len(batch['x']))
  terms, extra = _error_at(model, params, extra, noise_rng, batch, sigma, True, dropout_rng)
  return terms.mean(), (extra, {'loss': terms})


def _evaluate(model, params, extra, rng, batch):
  level_rng, noise_rng = jax.random.split(rng)
  sigmas = model.path.sigmas
  shown = sigmas[np.linspace(0, len(sigmas) - 1, _EVALUATED_LEVELS).round().astype(int)]
  error = lambda sigma: _error_at(model, params, extra, noise_rng, batch, sigma)[0]  # noqa: E731
  fixed = {f'loss_sigma_{level:.3g}': error(jnp.full(len(batch['x']), level)) for level in shown}
  return {'loss': error(model.path.draw(level_rng, len(batch['x']))), **fixed}


def _error_at(model, params, extra, rng, batch, sigma, train=False, dropout_rng=None):
  """The weighted error of each example, f32[B], and `extra`."""
  clean = to_network(batch['x'], model.x.levels)
  noise = jax.random.normal(rng, clean.shape)
  noisy = clean + sigma.reshape((-1,) + (1,) * (clean.ndim - 1)) * noise
  given = conditions.prepared(batch, model.given)
  score, extra = scored(model, params, extra, noisy, sigma, given, train, dropout_rng)
  return model.weighting.weight(sigma) * denoising_error(score, noise, sigma), extra
