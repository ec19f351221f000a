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
from jaxgen.families.score import (
  couplings,
  density,
  likelihoods,
  parameterizations,
  sampling,
  targets,
  weightings,
)
from jaxgen.families.score.completion import Completion, usual_completion
from jaxgen.families.score.couplings import Coupling
from jaxgen.families.score.guidance import Guidance
from jaxgen.families.score.likelihoods import Likelihood
from jaxgen.families.score.model import ScoreModel, scored, without
from jaxgen.families.score.parameterizations import Parameterization
from jaxgen.families.score.path import Path
from jaxgen.families.score.targets import Target
from jaxgen.families.score.way import Way
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
  coupling: Coupling | None = None,
  likelihood: Likelihood | None = None,
  completion: Completion | None = None,
  target: Target | None = None,
  guidance: Guidance = Guidance(),  # noqa: B008
) -> GenerativeModel:
  """A noise-conditional score network (Song & Ermon, "Generative modeling by estimating gradients", 2019).

  `loss = ||sigma s(x + sigma e, sigma) + e||^2 / 2`, at a level drawn for each example; half the
  dimension for a score of zero. Pixels are scaled to [-1, 1], and sigma is in those units. Samples go
  the `way` that is given. Evaluation adds the loss at a few single levels,
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
    coupling: of examples and noise in training, and in evaluation over its batches, so that the loss of paired noise is
      one of this size of a batch; independent by default, see `jaxgen.families.score.couplings`.
    likelihood: what `log_prob` is; see `jaxgen.families.score.likelihoods`. By default it is taken along the ODE.
    completion: how what is missing is drawn; by default see `jaxgen.families.score.completion.usual_completion`.
    target: what the network learns the noise of an example to be, by default what it is; see
      `jaxgen.families.score.targets`. Evaluation is by the noise itself.
    guidance: by what samples and completions are guided, and how much; by nothing by default.

  Returns:
    A `GenerativeModel` with params 'network'. `sample` has the knobs of the way, and 'guidance' where it is guided.
    `trajectory` gives at most 32 frames, the last of which are samples. `complete` has those of the knobs that mean the
    same there. `log_prob` is what the likelihood says, whatever the way to samples, of discrete data a bound on their
    log-mass. Learned from paired noise it is the velocity of an ODE and no score: there is no `score` then, and no
    `complete`, which puts back what is observed with noise of its own.

  Raises:
    ValueError: if the likelihood is none of such data, noise is paired over examples of several conditions, or learned
      from them or from paired noise, a way with fresh noise or a bound is to be taken with paired noise, or guidance
      does not fit, see `jaxgen.families.score.guidance.Guidance.check`.
  """
  coupling = coupling or couplings.independent()
  target = target or targets.own()
  likelihood = likelihood or likelihoods.ode()
  estimate = likelihood.estimate(x, path)._replace(given=tuple(given))
  _check_coupling(given, coupling, way, estimate)
  _check_target(given, coupling, target)
  guidance.check(given, coupling)
  start, apply = assembled(
    {'network': Part(network, lambda: (jnp.zeros((1, *x.shape)), jnp.ones(1), conditions.blank(given)))}
  )
  model = ScoreModel(
    apply,
    path,
    parameterization or parameterizations.score(),
    weighting or weightings.noise(),
    target,
    way,
    completion or usual_completion(path),
    coupling,
    likelihood,
    x,
    given,
    guidance,
  )
  is_score = not coupling.of_all
  knobs = {**way.knobs, **({'guidance': guidance.weight} if guidance.is_a_knob else {})}
  return GenerativeModel(
    init=lambda rng, batch: start(rng),
    update=chain(minimize(partial(_loss, model), tx, axis_name=DATA_AXIS), ema(ema_decay)),
    evaluate=partial(_evaluate, model),
    sample=partial(sampling.sample, model),
    objective=_objective(model),
    given=tuple(model.followed),
    knobs=knobs,
    meanings={'guidance': 'the weight of what is given; 1 as in the data, 0 none'}
    if guidance.is_a_knob
    else {},
    completion_knobs=_completion_knobs(model, knobs) if is_score else (),
    projects=is_score,
    selected_by='loss',
    log_prob=precisely(partial(density.log_prob, model)),
    log_prob_estimate=estimate,
    complete=partial(sampling.complete, model) if is_score else None,
    score=partial(sampling.score_at, model) if is_score else None,
    noise_range=(float(path.sigmas[0]), float(path.sigmas[-1])) if is_score else None,
    trajectory=partial(sampling.trajectory, model),
  )


def _check_coupling(given, coupling, way, estimate):
  if not coupling.of_all:
    return
  if given:
    raise ValueError(
      f'given {", ".join(given)}, noise that is paired over examples of all conditions would not be normal, from which '
      'samples start; leave the conditions away, or choose the coupling independent.'
    )
  if way.uses_noise:
    raise ValueError(
      'with noise that is paired with examples what is learned is the velocity of an ODE and no score, and '
      f'{way.name} with noise of their own would not end in the data; choose the sampler euler, heun, dpm_solver, '
      'ddim of eta=0 or edm of churn=0, or the coupling independent.'
    )
  if estimate.diffusion_levels:
    raise ValueError(
      'the bound of a diffusion is by noise that is independent of the examples, and this model learns from noise that '
      'is paired with them; take the likelihood ode, or the coupling independent.'
    )


def _check_target(given, coupling, target):
  if target.of_all and (given or coupling.of_all):
    raise ValueError(
      'the noise is learned from a whole batch only where each of its examples may have had it, so with nothing given '
      'and a coupling that is independent; set target to own.'
    )


def _completion_knobs(model, knobs):
  """Those that mean there what they mean in samples: steps of another way are others, however many they are."""
  own = {**model.completion.way.knobs, 'guidance': model.guidance.weight}
  if model.completion.way.name != model.way.name:
    own.pop('steps', None)
  return tuple(name for name, value in knobs.items() if own.get(name) == value)


def _objective(model):
  weight, _, classifier = model.guidance
  evaluations = model.way.evaluations * (1 if weight == 1 or classifier else 2)
  by_classifier = ', each with the slope of a classifier' if classifier else ''
  return (
    f'loss = {model.weighting.description}||sigma s(x + sigma e, sigma) + e||^2 / 2, '
    f'{model.target.description}{model.coupling.description}{model.path.description}; '
    f'a sample: {model.way.description}, {evaluations} evaluations{by_classifier}'
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
  noise = model.coupling.pair(clean, jax.random.normal(rng, clean.shape))
  noisy = clean + sigma.reshape((-1,) + (1,) * (clean.ndim - 1)) * noise
  given = conditions.prepared(batch, model.given)
  if dropout_rng is not None and model.guidance.label_dropout:
    share = jax.random.fold_in(dropout_rng, 1)
    given = without(given, jax.random.bernoulli(share, model.guidance.label_dropout, sigma.shape))
  score, extra = scored(model, params, extra, noisy, sigma, given, train, dropout_rng)
  learned = model.target.noise(noisy, clean, noise, sigma) if train else noise
  return model.weighting.weight(sigma) * denoising_error(score, learned, sigma), extra
