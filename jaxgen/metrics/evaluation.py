"""One evaluation of one model: samples, features and likelihoods, each computed once, in parts that survive a kill."""

import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from jaxgen import fields, files, keys, parallel
from jaxgen.data import given
from jaxgen.errors import UserError
from jaxgen.metrics import distances, storage
from jaxgen.metrics.features import Reference, Split, extract, split_fingerprint
from jaxgen.metrics.frechet import Gaussian, gaussian_statistics
from jaxgen.types import Field

_CHUNK = 500  # examples of the data between two saves
_MOST_SAMPLES = 10_000  # by default; and of the data, where every pair of examples is looked at


class Run(NamedTuple):
  """Whose numbers these are.

  Attributes:
    name: the workdir, or what else a table shall call it.
    model: the module that built it.
    config_sha: identifies the resolved config: how a model samples is not in its parameters.
    step: of training.
    weights: 'raw' or 'averaged'.
    seed: of samples and noise.
  """

  name: str
  model: str
  config_sha: str
  step: int
  weights: str
  seed: int = 0


class Settings(NamedTuple):
  """How to measure.

  Attributes:
    num_samples: how many samples to draw; 0: as many as the reference split has examples, at most 10,000.
    against: what samples are compared with: 'train', as is usual, 'validation', 'test', or 'half': one half of
      'train', so that the other half can be measured in the same way (`measure.measure_samples`).
    split: the held-out one, 'validation' or 'test', whose likelihoods and reconstructions are measured.
    batch_size: for the model; the part of an evaluation that a kill costs.
    metrics: names of `catalogue.METRICS`; empty: all that apply.
    noise_draws: draws of dequantization noise for each example, where the model needs noise. The mean of their
      log-likelihoods is taken, so that more of them make the same number more certain.
  """

  num_samples: int = 0
  against: str = 'train'
  split: str = 'test'
  batch_size: int = 100
  metrics: tuple[str, ...] = ()
  noise_draws: int = 1


class TooFew(UserError):
  """There are too few samples for a metric; where nobody asked for it, it is left out."""


class TooFewExamples(TooFew):
  """There are too few examples to compare with, which no number of samples mends."""


class Evaluation:
  """What the metrics share, computed when the first of them asks for it."""

  def __init__(self, model, params, extra, run, reference, features, cache, scratch, settings, samples=None):
    self.model, self.run = model, run
    self.params, self.extra = parallel.on_all_devices((params, extra))
    self.reference, self.features, self.settings = reference, features, settings
    self.params_sha = storage.fingerprint(params, extra)
    self.compared, self.places = compared_with(reference, settings.against)
    self.held_out = split_of(reference, settings.split)
    self.num_samples = settings.num_samples or min(len(self.places), _MOST_SAMPLES)
    self._samples = samples
    self._cache, self._features = Path(cache), {}
    unique = storage.fingerprint(
      *run,
      self.params_sha,
      features.name,
      features.sha,
      settings.batch_size,
      settings.split,
      settings.noise_draws,
    )
    self._scratch = Path(scratch) / unique[:32]

  @functools.cached_property
  def generated(self) -> storage.Arrays:
    """Samples and their features: 'x', 'features', 'logits'."""
    size = self.settings.batch_size

    def part(index):
      x = self._batch(index)
      check_samples(x, self.reference.x)
      return {'x': x} | self._features_of(x, 'generated samples')

    parts = storage.resumable(self._scratch, 'samples', -(-self.num_samples // size), part)
    return storage.joined(parts, self.num_samples)

  @property
  def against(self) -> str:
    """What samples are compared with, in words."""
    return 'one half of train' if self.settings.against == 'half' else self.settings.against

  @property
  def real(self) -> storage.Arrays:
    """The features of what samples are compared with, and its labels: 'features', 'logits', 'label'."""
    return {name: array[self.places] for name, array in self.features_of(self.compared).items()}

  @property
  def few_real(self) -> np.ndarray:
    """The features of at most 10,000 of them, f32[N, D]."""
    features = self.real['features']
    return features[spread_out(len(features))]

  @functools.cached_property
  def few_real_x(self) -> np.ndarray:
    """The examples themselves, at most 10,000."""
    return np.asarray(self.compared.examples(self.places[spread_out(len(self.places))])['x'])

  def gaussian_of(self, split, places: np.ndarray, what: str) -> Gaussian:
    """Mean and covariance of the features of some examples of a split, computed once per data set.

    Raises:
      TooFewExamples: saying that `what` is too small.
    """
    path = self._data_folder(split) / f'gaussian_{storage.fingerprint(places)[:16]}.npz'
    stored = files.load_arrays(path)
    if stored is None:
      features = self.features_of(split)['features'][places]
      num, dims = features.shape
      need_examples(num, dims + 1, f'the covariance of {dims} features', what)
      stored = gaussian_statistics(features)._asdict()
      files.save_arrays(path, stored)
    return Gaussian(stored['mean'], stored['cov'], int(stored['count']))

  @functools.cached_property
  def balls(self) -> distances.BallCounts:
    """Counts for precision and recall (k = 3) and for density and coverage (k = 5), in one pass."""
    need_examples(len(self.few_real), 6, '5 neighbours of each', self.against)
    need_samples(self.num_samples, 6, '5 neighbours of each')
    return distances.ball_counts(self.few_real, self.generated['features'], (3, 5))

  def features_of(self, split) -> storage.Arrays:
    """Those of any split; kept for all models."""
    if id(split) not in self._features:
      size = len(split)

      def part(index):
        batch = split.examples(np.arange(index * _CHUNK, min((index + 1) * _CHUNK, size)))
        label = {'label': batch['label']} if 'label' in batch else {}
        return label | self._features_of(np.asarray(batch['x']), f'examples of {self.reference.name}')

      parts = storage.resumable(self._data_folder(split), 'part', -(-size // _CHUNK), part)
      self._features[id(split)] = storage.joined(parts, size)
    return self._features[id(split)]

  def per_example(self, name: str, function: Callable) -> np.ndarray:
    """`function(params, extra, rng, batch) -> f32[B]` over the held-out split, f64[N].

    Raises:
      UserError: if one of the numbers is not finite.
    """
    split, size = self.held_out, len(self.held_out)
    batch_size = min(self.settings.batch_size, size)
    compiled = parallel.shared_work(function)
    rng = keys.of(self.run.seed, 'likelihood')

    def part(index):
      places = np.arange(index * batch_size, (index + 1) * batch_size)
      batch = split.examples(np.where(places < size, places, 0))
      return {
        'value': compiled(
          self.params, self.extra, jax.random.fold_in(rng, index), parallel.split_over_devices(batch)
        )
      }

    parts = storage.resumable(self._scratch, name, -(-size // batch_size), part)
    values = storage.joined(parts, size)['value'].astype(np.float64)
    if bad := int((~np.isfinite(values)).sum()):
      raise UserError(
        f'The {name} of {bad} of {size} {self.settings.split} examples is not finite; look at these examples.'
      )
    return values

  def finish(self) -> None:
    """Removes the parts, which a finished evaluation no longer needs; those of the data stay."""
    shutil.rmtree(self._scratch, ignore_errors=True)

  @functools.cached_property
  def _sample(self):
    return parallel.shared_work(self.model.sample, static_argnums=(3,))

  def _batch(self, index):
    """A batch of the samples that were given, or one drawn with a key of its own."""
    size = self.settings.batch_size
    if self._samples is not None:
      return self._samples[index * size : (index + 1) * size]
    rng = jax.random.fold_in(keys.of(self.run.seed, 'measured_samples'), index)
    whose = jax.random.fold_in(keys.of(self.run.seed, 'given'), index)
    conditions = given.of_random_examples(self.reference.train, self.model.given, whose, size)
    return np.asarray(self._sample(self.params, self.extra, rng, size, conditions))

  def _features_of(self, x, what):
    try:
      return extract(self.features, x)
    except UserError as error:
      raise UserError(f'{self.features.name} of {what}: {error}') from error

  def _data_folder(self, split):
    key = storage.fingerprint(split_fingerprint(split), self.features.name, self.features.sha, _CHUNK)
    return self._cache / f'features_{key[:32]}'


def split_of(reference: Reference, name: str) -> Split:
  """A split by its name.

  Raises:
    UserError: if there is none.
  """
  named = {'train': reference.train, 'validation': reference.validation, 'test': reference.test}
  splits = {name: split for name, split in named.items() if split is not None}
  if name not in splits:
    raise UserError(f'{reference.name} has no split "{name}" here; there are {", ".join(splits)}.')
  return splits[name]


def compared_with(reference: Reference, split: str) -> tuple[Split, np.ndarray]:
  """The split that samples are compared with, and the places of the examples in it.

  Raises:
    UserError: if there is none.
  """
  if split == 'half':
    return reference.train, halves(len(reference.train))[1]
  chosen = split_of(reference, split)
  return chosen, np.arange(len(chosen))


def halves(size: int) -> tuple[np.ndarray, np.ndarray]:
  """The places of two halves of a split, without what is left over: always the same, in no order."""
  places = np.random.default_rng(0).permutation(size)
  return places[: size // 2], places[size // 2 : size // 2 * 2]


def need_samples(num: int, least: int, purpose: str) -> None:
  """Raises a `TooFew` where `num` samples are fewer than `purpose` needs."""
  if num < least:
    raise TooFew(f'{num} samples are too few for {purpose}: measure with at least {least} samples.')


def need_examples(num: int, least: int, purpose: str, of: str) -> None:
  """Raises a `TooFewExamples` where the `num` examples of the data that samples are compared with are fewer."""
  if num < least:
    raise TooFewExamples(
      f'the {num} examples of {of} are too few for {purpose}, however many samples there are: compare with at least '
      f'{least} examples, or leave this metric out.'
    )


def gaussian(features: np.ndarray) -> Gaussian:
  """Mean and covariance of samples.

  Raises:
    TooFew: with how many samples are needed.
  """
  num, dims = features.shape
  need_samples(num, dims + 1, f'the covariance of {dims} features')
  return gaussian_statistics(features)


def check_samples(x: np.ndarray, field: Field) -> None:
  """Samples are what the data are.

  Raises:
    UserError: if their shape, type or range differs, or they are not finite.
  """
  dtype = fields.dtype(field)
  if x.shape[1:] != field.shape or x.dtype != dtype:
    raise UserError(
      f'The model samples {x.dtype}{list(x.shape[1:])}, but the data are {dtype}{list(field.shape)}; '
      'measure against the data set that it was trained on.'
    )
  if field.levels and x.max(initial=0) >= field.levels:
    raise UserError(
      f'The model samples values up to {x.max()}, but the data have {field.levels} levels; '
      'measure against the data set that it was trained on.'
    )
  bad = int((~np.isfinite(x.reshape(len(x), -1)).all(1)).sum())
  if bad:
    raise UserError(f'{bad} of {len(x)} samples are not finite; look at them before measuring.')
