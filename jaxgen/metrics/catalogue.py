"""Every metric: what it needs of a model, of the data and of the features, and how it is measured."""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jax import lax

from jaxgen import fields
from jaxgen.errors import UserError
from jaxgen.metrics.bits_per_dim import bits_per_dim
from jaxgen.metrics.checks import need_examples, need_samples
from jaxgen.metrics.density_coverage import from_counts as density_coverage_from
from jaxgen.metrics.evaluation import Evaluation
from jaxgen.metrics.features import Features, Reference
from jaxgen.metrics.features.reference import spread_out
from jaxgen.metrics.frechet import frechet_distance, gaussian_statistics
from jaxgen.metrics.inception_score import inception_score
from jaxgen.metrics.kernel import kernel_distance
from jaxgen.metrics.modes import label_modes, mixture_modes, share_divergence
from jaxgen.metrics.nearest_neighbours import memorization
from jaxgen.metrics.pitch import errors as pitch_errors
from jaxgen.metrics.pitch import heard
from jaxgen.metrics.precision_recall import from_counts as precision_recall_from
from jaxgen.metrics.sharpness import relative_sharpness
from jaxgen.metrics.values import Value, of_held_out, of_ratio, of_samples
from jaxgen.types import GenerativeModel


class Metric(NamedTuple):
  """`needs` are `abilities`; `measure` gives one value or several."""

  needs: frozenset[str]
  measure: Callable[[Evaluation], list[Value]]


def abilities(model: GenerativeModel, reference: Reference, features: Features) -> frozenset[str]:
  """What there is to measure by: functions of the model, properties of the data and of the features."""
  whole = not fields.has_gaps(
    reference.spec
  )  # to examples with gaps no distance tells: what a model makes has none
  found = {
    'sample': model.sample and whole,
    'log_prob': model.log_prob,
    'encode': model.encode,
    'decode': model.decode,
    'numbers': whole and reference.x.kind in ('image', 'vector', 'audio'),
    'images': reference.x.kind == 'image' and min(reference.x.shape[:2]) >= 3,
    'binary data or tokens': reference.x.levels == 2 or reference.x.kind == 'tokens',
    'a pitch that is asked for': 'pitch' in model.given and heard(reference),
    'known modes': reference.modes is not None,
    'known density': reference.log_density is not None,
    'class probabilities': features.has_logits,
    'a classifier of the data': features.classes,
  }
  return frozenset(name for name, there in found.items() if there)


def check_names(names: Sequence[str]) -> None:
  """Before any work is done for them.

  Raises:
    UserError: if one of them is no metric.
  """
  for name in names:
    if name not in METRICS:
      raise UserError(f'There is no metric "{name}"; choose of: {", ".join(METRICS)}.')


def possible(model: GenerativeModel, reference: Reference, features: Features) -> list[str]:
  """The metrics that apply."""
  able = abilities(model, reference, features)
  return [name for name, metric in METRICS.items() if metric.needs <= able]


def _bits_per_dim(e):
  log_prob, estimate = _log_prob(e)
  x, entries = e.reference.x, _num_entries(e)
  if entries is not None and fields.is_padded(e.reference.spec):
    bits = -log_prob / np.log(2)
    return [of_ratio(e, 'bits_per_dim', bits, entries, 'all bits per all observed tokens', estimate)]
  bits = np.asarray(bits_per_dim(log_prob, x.shape, x.levels, entries), np.float64)
  return [of_held_out(e, 'bits_per_dim', bits, '' if entries is None else 'per observed entry', estimate)]


def _num_entries(e):
  """How many entries of x each example has, f64[N]; None where a mask does not say."""
  masked = fields.has_gaps(e.reference.spec) or fields.is_padded(e.reference.spec)
  return e.per_example('number of observed entries', _num_observed) if masked else None


def _num_observed(params, extra, rng, batch):
  return fields.num_observed(batch)


def _negative_log_likelihood(e):
  """Of binary data and of tokens, in nats of an example, as it is quoted: `-log P(x)`, where the density is of cells of
  volume `levels^-D`. Of sequences that are filled up a model gives the log-mass itself."""
  log_prob, estimate = _log_prob(e)
  padded, x = fields.is_padded(e.reference.spec), e.reference.x
  log_cells = 0.0 if padded else fields.size(x) * np.log(x.levels)
  return [of_held_out(e, 'negative_log_likelihood', log_cells - log_prob, 'nats', estimate)]


def _divergence(e):
  """`KL(data || model) = E [log p_data(x) - log p(x)]`, in nats.

  Taken example by example: by the entropy of the data the mean would be the same, and its error that of E log p(x),
  which is there even for a perfect model.
  """
  log_prob, estimate = _log_prob(e)
  log_density = e.per_example('log-density of the data', _of_examples(e.reference.log_density))
  return [of_held_out(e, 'kl_data_model', log_density - log_prob, 'nats', estimate)]


@functools.lru_cache(maxsize=8)  # as below
def _of_examples(log_density):
  def of_examples(params, extra, rng, batch):
    return log_density(batch['x'])

  return of_examples


def _log_prob(e):
  """The log-likelihood of each example, f64[N], and how it is estimated."""
  estimate = e.model.log_prob_estimate
  if estimate is None or not estimate.noise_draws:
    return e.per_example('log-likelihood', e.model.log_prob), estimate
  draws = e.settings.noise_draws
  values = e.per_example('log-likelihood', _mean_over_draws(e.model.log_prob, draws))
  return values, estimate._replace(noise_draws=draws * estimate.noise_draws)


@functools.lru_cache(maxsize=8)  # as below
def _mean_over_draws(log_prob, draws):
  """`E_u log p(x + u)`, a lower bound on the log-mass of x whatever the number of draws.

  The logarithm of the mean density would be a tighter one, which rises with their number: other numbers of draws would
  be other estimators.
  """
  if draws == 1:
    return log_prob

  def mean(params, extra, rng, batch):
    return lax.map(lambda key: log_prob(params, extra, key, batch), jax.random.split(rng, draws)).mean(0)

  return mean


def _reconstruction_error(e):
  levels = e.reference.x.levels
  error = _squared_error(e.model.encode, e.model.decode, e.model.given, max(levels - 1, 1))
  errors = e.per_example('reconstruction', error)
  entries = 'codes' if e.reference.x.kind == 'audio' else 'pixels'
  scale = f'mean square, {entries} in [0, 1]' if levels else 'mean square'
  return [of_held_out(e, 'reconstruction_error', errors, scale)]


@functools.lru_cache(maxsize=8)  # so that a model measured at many moments is compiled once
def _squared_error(encode, decode, given, scale):
  def squared_error(params, extra, rng, batch):
    latents = encode(params, extra, rng, batch)
    x = decode(params, extra, latents, {name: batch[name] for name in given} or None)
    difference = (x.astype('float32') - batch['x'].astype('float32')) / scale
    return (difference**2).reshape(len(x), -1).mean(-1)

  return squared_error


def _frechet(e):
  distance = _frechet_to(e, e.compared, e.places, e.against)
  return [of_samples(e, 'frechet_distance', distance, e.places)]


def _frechet_to_splits(e):
  """To what a model has seen and to what it has not, by equal numbers: copies are near the former alone."""
  train, test = e.reference.train, e.held_out
  seen = e.places if e.compared is train else np.arange(len(train))
  num, smaller = min((len(seen), 'train'), (len(test), e.settings.split))
  values = []
  for name, split, places in (('train', train, seen), (e.settings.split, test, np.arange(len(test)))):
    places = places[spread_out(len(places), num)]
    value = of_samples(
      e,
      f'frechet_to_{name}',
      _frechet_to(e, split, places, smaller),
      places,
      f'as many of train and {e.settings.split}',
    )
    values.append(value._replace(split=name))
  return values


def _frechet_to(e, split, places, what):
  theirs = e.gaussian_of(split, places, what)  # first: more samples are no remedy where the data are too few
  num, dims = e.generated['features'].shape
  need_samples(num, dims + 1, f'the covariance of {dims} features')
  ours = gaussian_statistics(e.generated['features'])
  return frechet_distance(ours.mean, ours.cov, theirs.mean, theirs.cov)


def _kernel(e):
  real, fake = e.real['features'], e.generated['features']
  need_examples(len(real), 4, 'a kernel distance', e.against)
  need_samples(len(fake), 4, 'a kernel distance')
  size = min(1000, len(real) // 2, len(fake) // 2)  # of at most half of a set, or their spread would be none
  mean, spread = kernel_distance(real, fake, subsets=100, subset_size=size)
  return [of_samples(e, 'kernel_distance', mean, real, f'100 subsets of {size}', spread)]


def _inception_score(e):
  parts = 10
  need_samples(e.num_samples, parts, f'an Inception score in {parts} parts')
  score, spread = inception_score(_softmax(e.generated['logits']), parts)
  return [of_samples(e, 'inception_score', score, (), f'{parts} parts', spread)]


def _precision_recall(e):
  values = precision_recall_from(e.balls, 0)
  names = 'precision', 'recall'
  return [of_samples(e, n, v, e.few_real, 'k=3') for n, v in zip(names, values, strict=True)]


def _density_coverage(e):
  values = density_coverage_from(e.balls, 1, 5)
  names = 'density', 'coverage'
  return [of_samples(e, n, v, e.few_real, 'k=5') for n, v in zip(names, values, strict=True)]


def _sharpness(e):
  value = relative_sharpness(e.generated['x'], e.few_real_x, e.reference.x.levels)
  return [of_samples(e, 'sharpness', value, e.few_real_x, 'relative to data')._replace(by_features=False)]


def _memorization(e):
  train, test = e.reference.train, e.held_out
  seen, unseen = (e.features_of(split)['features'] for split in (train, test))
  found = memorization(e.generated['features'], seen, unseen)
  values = [
    of_samples(e, 'nearest_training_ratio', found.ratio, seen, 'to held-out data'),
    of_samples(e, 'copied', found.copied, seen, 'nearer than 0.95 of held-out data'),
  ]
  return [value._replace(split='train') for value in values]


def _class_modes(e):
  modes = label_modes(e.generated['logits'].argmax(-1), e.features.classes)
  labels = e.real['label']
  divergence = share_divergence(modes.share, np.bincount(labels, minlength=modes.total))
  return [
    of_samples(e, 'classes_covered', modes.covered, labels, f'of {modes.total}'),
    of_samples(e, 'class_divergence', divergence, labels, 'KL, nats'),
  ]


def _mixture_modes(e):
  modes = mixture_modes(e.generated['x'], e.reference.modes, e.reference.mode_std)
  within = '3 standard deviations'
  values = [
    of_samples(e, 'modes_covered', modes.covered, (), f'of {modes.total}, {within}'),
    of_samples(e, 'close_to_modes', modes.close, (), within),
  ]
  return [value._replace(by_features=False) for value in values]


def _pitch(e):
  """Of samples, each beside the pitch that was asked for, and of held-out examples beside their own."""
  data = e.held_out.examples(np.arange(len(e.held_out)))
  ours = pitch_errors(e.generated['x'], e.asked('pitch'), e.reference)
  real = pitch_errors(data['x'], np.asarray(data['pitch']), e.reference)
  measured = (
    ('pitch_error', lambda errors: float(np.median(errors)), 'median, cents'),
    ('pitch_hits', lambda errors: float((errors <= 50).mean()), 'within 50 cents'),
  )
  values = []
  for name, summary, settings in measured:
    values += [
      of_samples(e, name, summary(ours), (), settings)._replace(by_features=False),
      Value(f'{name}_of_data', summary(real), None, settings, None, 0, len(real), e.settings.split, False),
    ]
  return values


METRICS = {
  name: Metric(frozenset(needs), function)
  for name, needs, function in (
    ('bits_per_dim', ['log_prob'], _bits_per_dim),
    ('negative_log_likelihood', ['log_prob', 'binary data or tokens'], _negative_log_likelihood),
    ('kl_data_model', ['log_prob', 'known density'], _divergence),
    ('reconstruction_error', ['encode', 'decode', 'numbers'], _reconstruction_error),
    ('frechet_distance', ['sample'], _frechet),
    ('frechet_to_splits', ['sample'], _frechet_to_splits),
    ('kernel_distance', ['sample'], _kernel),
    ('inception_score', ['sample', 'class probabilities'], _inception_score),
    ('precision_recall', ['sample'], _precision_recall),
    ('density_coverage', ['sample'], _density_coverage),
    ('sharpness', ['sample', 'images'], _sharpness),
    ('memorization', ['sample'], _memorization),
    ('pitch', ['sample', 'a pitch that is asked for'], _pitch),
    ('class_modes', ['sample', 'a classifier of the data'], _class_modes),
    ('mixture_modes', ['sample', 'known modes'], _mixture_modes),
  )
}


def _softmax(logits):
  logits = logits.astype(np.float64)
  powers = np.exp(logits - logits.max(1, keepdims=True))
  return powers / powers.sum(1, keepdims=True)
