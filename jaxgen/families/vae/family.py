"""Variational autoencoders: an encoder, a decoder and five slots make a `GenerativeModel`."""

from functools import partial
from types import MappingProxyType

import jax.numpy as jnp
import optax
from flax import linen as nn

from jaxgen.families import conditions, padding, statistics
from jaxgen.families.networks import Part, assembled
from jaxgen.families.vae import bounds, health, imputation, sampling
from jaxgen.families.vae.autoencoder import Autoencoder
from jaxgen.families.vae.decoding import ALL_AT_ONCE, Decoding
from jaxgen.families.vae.likelihood import Likelihood
from jaxgen.families.vae.objective import Objective
from jaxgen.families.vae.posterior import Posterior
from jaxgen.families.vae.prior import Prior
from jaxgen.fields import OBSERVED
from jaxgen.types import DATA_AXIS, DataSpec, Estimate, Field, GenerativeModel
from jaxgen.updates import chain, ema, minimize, scheduled


def vae(
  encoder: nn.Module,
  decoder: nn.Module,
  *,
  prior: Prior,
  posterior: Posterior,
  objective: Objective,
  likelihood: Likelihood,
  decoding: Decoding = ALL_AT_ONCE,
  tx: optax.GradientTransformation,
  ema_decay: float,
  x: Field,
  given: DataSpec = MappingProxyType({}),
  importance_samples: int = 64,
  has_gaps: bool = False,
  padded: bool = False,
  end: int | None = None,
  imputation_samples: int = 1000,
) -> GenerativeModel:
  """A variational autoencoder (Kingma & Welling, "Auto-encoding variational Bayes", 2014).

  The loss is the objective's, of as many draws of z for each example as it takes, usually one. `elbo` is the bound of
  weights 1 and 1, the mean over these draws, `elbo_bits_per_dim` the same as a code length; `bits_per_dim`, in
  evaluation, is that of `log_prob`, and `bound_gap` is how far that lies above `elbo`, in nats. In evaluation every
  schedule of the objective has ended, its loss is without what is of a batch as a whole (free bits, a discrepancy of
  latents), and what the latents hold is told, see `jaxgen.families.vae.health`.

  `log_prob` is the importance-weighted bound with K = `importance_samples`, of weights 1 and 1 whatever the loss
  weighs; with conditions, of log p(x|given). There is none where the likelihood is not that of the data, as a
  Bernoulli of grey intensities, or where the posterior has no density. `sample` and `decode` give the decoder's mean;
  on continuous data, and where the decoder reads what it writes, `sample` draws from p(x|z). The knobs are the prior's
  and, of draws, the likelihood's. `encode` gives the center of the posterior; `complete` is a chain, see
  `jaxgen.families.vae.sampling.complete`.

  With gaps the encoder is told which entries of x there are, q(z|observed), the likelihood is of these alone, and
  `log_prob` is a bound on log p(observed) (Mattei & Frellsen, "MIWAE: deep generative modelling and imputation of
  incomplete data sets", 2019, equation 4); `complete` and `impute` weigh draws of z, see
  `jaxgen.families.vae.imputation`. Bits are per observed entry of a row; `negative_log_likelihood`, the nats of a row,
  chooses the best checkpoint, so that every entry counts alike.

  Of sequences that are `padded` the likelihood is of the tokens of the example alone, `log_prob` and ELBO bound its
  log-mass, `negative_log_likelihood` is nats of an example, and bits are per token of a whole split, see
  `jaxgen.families.padding`.

  Averaged weights have averaged batch statistics, where a network has some, see `jaxgen.families.statistics`.

  Args:
    encoder: `(x [B, *shape], given, train) -> outputs`, of whatever the posterior makes latents of. Pixels come in
      [-1, 1], tokens as they are; `given` is what `jaxgen.families.conditions.prepared` makes of the fields that are
      conditions.
    decoder: `(z, *reads, given, train) -> f32[B, *shape, likelihood.num_outputs]`, which reads what the decoding says.
    prior: p(z).
    posterior: what the encoder's outputs mean.
    objective: what is minimized.
    likelihood: what the decoder's outputs mean.
    decoding: whether the entries of x are independent given z, or follow one after the other.
    tx: the optimizer.
    ema_decay: of the averaged weights.
    x: what is modelled.
    given: the fields that both networks are conditioned on.
    importance_samples: K, of `log_prob` and of the evaluated bits per dimension.
    has_gaps: whether batches say by the mask `jaxgen.fields.OBSERVED` which entries of x there are; the encoder has it
      beside the conditions.
    padded: whether x are sequences of tokens, of which that mask says which places hold the example: the encoder has
      it, too.
    end: the token that ends such a sequence, by which batches without a mask are told; None: nothing ends early.
    imputation_samples: K, the draws of z that `complete` and `impute` weigh.

  Returns:
    A `GenerativeModel` with params 'encoder', 'decoder' and those of the slots; `extra` has the other variables that
    any of them has.

  Raises:
    ValueError: if a number of samples is out of range, or there are gaps in data that are not continuous or under a
      posterior without a density, or the objective needs what the posterior has not: a density, or z of the
      prior's kind.
  """
  _check(objective, posterior, x, has_gaps, importance=importance_samples, imputation=imputation_samples)
  mask = {OBSERVED: Field('mask', x.shape, 2)} if has_gaps or padded else {}

  def reads():
    return decoding.reads(None, jnp.zeros((1, *x.shape), jnp.int32), train=False)

  networks = {
    'encoder': Part(encoder, lambda: (conditions.blank({'x': x})['x'], conditions.blank({**given, **mask}))),
    'decoder': Part(decoder, lambda: (posterior.blank(1), *reads(), conditions.blank(given))),
  }
  start, apply = assembled({**networks, **prior.parts, **posterior.parts})
  slots = prior, posterior, objective, likelihood, decoding
  model = Autoencoder(apply, *slots, x, given, has_gaps, padded=padded, end=end)
  estimate = Estimate(
    'lower bound', importance_samples, noise_draws=likelihood.noise_draws, given=tuple(given)
  )

  log_prob = partial(bounds.log_prob, model, importance_samples=importance_samples)

  def loss_at(step):
    def loss(params, extra, rng, batch):
      metrics, extra = bounds.terms(model, params, extra, rng, batch, step=step)
      return metrics['loss'].mean(), (extra, bounds.of_steps(model, metrics, batch))

    return loss

  def evaluate(params, extra, rng, batch):
    metrics, _ = bounds.terms(model, params, extra, rng, batch, step=None)
    metrics = {name: value for name, value in metrics.items() if jnp.ndim(value)}  # terms per example alone
    if model.has_density:
      bound = log_prob(params, extra, rng, batch)
      metrics |= bounds.measured(model, bound, batch)
      metrics['bound_gap'] = bound - metrics['elbo']
    if posterior.has_density:
      metrics |= health.of_latents(model, params, extra, rng, batch)
    return metrics

  return GenerativeModel(
    init=statistics.averaged(lambda rng, batch: start(rng)),
    update=chain(scheduled(lambda step: minimize(loss_at(step), tx, axis_name=DATA_AXIS)), ema(ema_decay)),
    evaluate=evaluate,
    sample=partial(sampling.sample, model),
    objective=_objective(model, importance_samples),
    given=tuple(given),
    knobs=model.knobs,
    selected_by=_selected_by(model),
    log_prob=log_prob if model.has_density else None,
    log_prob_estimate=estimate if model.has_density else None,
    latents=None if prior.conditional else partial(sampling.latents, model),
    encode=partial(sampling.encode, model),
    decode=partial(sampling.decode, model),
    complete=_complete(model, imputation_samples),
    impute=partial(imputation.impute, model, num_draws=imputation_samples) if has_gaps else None,
    standing=statistics.standing,
    codes=posterior.codes,
    levels=posterior.levels,
    summary=_summary(model),
    health=health.health if posterior.has_density else posterior.health,
  )


def _check(objective, posterior, x, has_gaps, **samples):
  for name, number in samples.items():
    if number < 1:
      raise ValueError(f'{name}_samples must be at least 1, not {number}.')
  if has_gaps and (x.levels or not posterior.has_density):
    raise ValueError('gaps are of continuous data, under a posterior that has a density.')
  if objective.dreg_weight and posterior.log_prob is None:
    raise ValueError(
      'the DReG gradient needs a posterior whose density is known wherever it is asked for, a Gaussian.'
    )
  if objective.needs_density and not posterior.has_density:
    raise ValueError(
      'the objective weighs draws by their density, and the posterior has none; take another objective.'
    )
  if objective.compares_latents and (posterior.codes is not None or posterior.levels):
    raise ValueError(
      'the objective compares what is decoded with draws of the prior, which are other things here: latents are codes, '
      'or of several levels; take another objective.'
    )


def _summary(model):
  """What makes numbers of a split of the means of its terms, see `GenerativeModel.summary`."""
  if not (model.padded and model.has_density):
    return health.summary if model.posterior.has_density else None

  def summary(means):
    tokens, of_draw = means[padding.TOKENS], means['reconstruction'] + means[model.posterior.term]
    bits = {'bits_per_dim': means['negative_log_likelihood'], 'elbo_bits_per_dim': of_draw}
    per_token = {name: padding.bits_per_token(nats, tokens) for name, nats in bits.items()}
    return {**health.summary(means), **per_token}

  return summary


def _selected_by(model):
  if not model.has_density:
    return 'loss'
  return 'negative_log_likelihood' if model.has_gaps else 'bits_per_dim'


def _complete(model, num_draws):
  if model.has_gaps:
    return partial(imputation.complete, model, num_draws=num_draws)
  return partial(sampling.complete, model) if model.posterior.has_density else None


def _objective(model, importance_samples):
  if model.has_density:
    measure = f'log_prob: importance-weighted bound, K = {importance_samples}'
  elif model.posterior.has_density:
    measure = f'no log_prob: {model.likelihood.name} on intensities is not a likelihood of grey levels'
  else:
    measure = f'no log_prob: the latents have no density; samples are of {model.prior.name}'
  return f'loss = {model.objective.words}; reconstruction: {model.likelihood.name}{model.decoding.words}; {measure}'
