"""One evaluation of one model: samples, features and likelihoods, each computed once, in parts that survive a kill."""

import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from jaxgen import files, keys, parallel
from jaxgen.data import given
from jaxgen.errors import UserError
from jaxgen.metrics import distances, storage
from jaxgen.metrics.checks import check_samples, need_examples, need_samples
from jaxgen.metrics.features import Features, Reference, Split, extract, split_fingerprint
from jaxgen.metrics.features.reference import compared_with, split_of, spread_out
from jaxgen.metrics.frechet import Gaussian, gaussian_statistics
from jaxgen.types import Extra, GenerativeModel, Params

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
    sampler: what draws the samples, of a model that leaves a choice.
  """

  name: str
  model: str
  config_sha: str
  step: int
  weights: str
  seed: int = 0
  sampler: str = ''


class Settings(NamedTuple):
  """How to measure.

  Attributes:
    num_samples: how many samples to draw; 0: as many as the reference split has examples, at most 10,000.
    against: what samples are compared with: 'train', as is usual, 'validation', 'test', or 'half': one half of
      'train', so that the other half can be measured in the same way (`measure.measure_samples`).
    split: the held-out one, 'validation' or 'test', whose likelihoods and reconstructions are measured.
    batch_size: for the model; the part of an evaluation that a kill costs.
    metrics: names of `catalogue.METRICS`; empty: all that apply.
    num_held_out: how many examples of that split, spread evenly over it; 0: all.
    noise_draws: draws of dequantization noise for each example, where the model needs noise. The mean of their
      log-likelihoods is taken, so that more of them make the same number more certain.
  """

  num_samples: int = 0
  against: str = 'train'
  split: str = 'test'
  batch_size: int = 100
  metrics: tuple[str, ...] = ()
  num_held_out: int = 0
  noise_draws: int = 1


class Setup(NamedTuple):
  """All that a measurement is made with beside what is measured.

  Attributes:
    run: whose numbers these are.
    reference: the data set.
    features: of `features.choose`.
    cache: a folder for what all models share: the features of the data. It may be deleted.
    scratch: a folder for the parts of this evaluation, kept until it ends.
    settings: see there.
    say: is told what is left out, and why.
  """

  run: Run
  reference: Reference
  features: Features
  cache: Path
  scratch: Path
  settings: Settings = Settings()
  say: Callable[[str], None] = print


class Evaluation:
  """What the metrics share, computed when the first of them asks for it."""

  def __init__(
    self,
    model: GenerativeModel,
    params: Params,
    extra: Extra,
    setup: Setup,
    samples: np.ndarray | None = None,
  ):
    """Of the samples that are there already, if there are any; else of those that the model draws."""
    self.model, self.run, self.say = model, setup.run, setup.say
    self.params, self.extra = parallel.on_all_devices((params, extra))
    reference, features, settings = setup.reference, setup.features, setup.settings
    self.reference, self.features, self.settings = reference, features, settings
    self.params_sha = storage.fingerprint(params, extra)
    self.compared, self.places = compared_with(reference, settings.against)
    self.held_out = split_of(reference, settings.split)
    self.num_samples = settings.num_samples or min(len(self.places), _MOST_SAMPLES)
    self._samples, self._cache = samples, Path(setup.cache)
    self._features: dict[int, storage.Arrays] = {}
    unique = storage.fingerprint(
      *setup.run,
      self.params_sha,
      features.name,
      features.sha,
      settings.batch_size,
      settings.split,
      settings.num_held_out,
      settings.noise_draws,
    )
    self._scratch = Path(setup.scratch) / unique[:32]

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
    return features[spread_out(len(features), _MOST_SAMPLES)]

  @functools.cached_property
  def few_real_x(self) -> np.ndarray:
    """The examples themselves, at most 10,000."""
    return np.asarray(self.compared.examples(self.places[spread_out(len(self.places), _MOST_SAMPLES)])['x'])

  def gaussian_of(self, split: Split, places: np.ndarray, what: str) -> Gaussian:
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

  def features_of(self, split: Split) -> storage.Arrays:
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
    """`function(params, extra, rng, batch) -> f32[B]` over what is asked for of the held-out split, f64[N].

    Raises:
      UserError: if one of the numbers is not finite.
    """
    split = self.held_out
    chosen = spread_out(len(split), self.settings.num_held_out or len(split))
    size = len(chosen)
    batch_size = min(self.settings.batch_size, size)
    compiled = parallel.shared_work(function)
    rng = keys.of(self.run.seed, 'likelihood')

    def part(index):
      places = np.arange(index * batch_size, (index + 1) * batch_size)
      batch = split.examples(chosen[np.where(places < size, places, 0)])
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
    if self.model.sample is None:
      raise ValueError('this model draws no samples that could be measured.')
    return parallel.shared_work(self.model.sample, static_argnums=(3,))

  def _batch(self, index):
    """A batch of the samples that were given, or one drawn with a key of its own."""
    size = self.settings.batch_size
    if self._samples is not None:
      return self._samples[index * size : (index + 1) * size]
    rng = jax.random.fold_in(keys.of(self.run.seed, 'measured_samples'), index)
    return np.asarray(self._sample(self.params, self.extra, rng, size, self._conditions(index)))

  def asked(self, name: str) -> np.ndarray:
    """What was asked of the samples of `generated` by one of the conditions, [num_samples, ...]."""
    parts = range(-(-self.num_samples // self.settings.batch_size))
    return np.concatenate([(self._conditions(index) or {})[name] for index in parts])[: self.num_samples]

  def _conditions(self, index):
    """Those of a batch: of random training examples, always the same."""
    whose = jax.random.fold_in(keys.of(self.run.seed, 'given'), index)
    return given.of_random_examples(self.reference.train, self.model.given, whose, self.settings.batch_size)

  def _features_of(self, x, what):
    try:
      return extract(self.features, x)
    except UserError as error:
      raise UserError(f'{self.features.name} of {what}: {error}') from error

  def _data_folder(self, split):
    key = storage.fingerprint(split_fingerprint(split), self.features.name, self.features.sha, _CHUNK)
    return self._cache / f'features_{key[:32]}'
