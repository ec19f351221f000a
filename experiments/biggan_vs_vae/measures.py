"""The same measures for samples of either family, and for data in their place."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from experiments.biggan_vs_vae.recipes import GAN, SETS, config_of
from jaxgen import evaluate, experiment, keys
from jaxgen.data import cache, given
from jaxgen.families.gan.game import variety
from jaxgen.metrics.evaluation import Run, Settings, Setup
from jaxgen.metrics.features import Features, Reference, from_classifier
from jaxgen.metrics.measure import measure, measure_samples
from jaxgen.runs import writers
from jaxgen.uses.samples import sampler

SAMPLES = 1000  # and as many of the training examples, where data are measured
MOMENTS = 4  # of a run, at which its samples are measured
_ON_THE_WAY = 'frechet_distance', 'inception_score'
_AT_THE_END = (*_ON_THE_WAY, 'precision_recall', 'density_coverage', 'sharpness')


class Instruments(NamedTuple):
  """By what all runs of a set are measured."""

  reference: Reference
  features: Features
  cache: Path


@functools.lru_cache(maxsize=1)
def instruments(name: str) -> Instruments:
  """Those of a set; its classifier is trained the first time, or that of the labelled set at the same size."""
  folder = (cache.directory() or Path('runs')) / 'metrics'
  config = config_of(name, GAN)
  reference = labelled = evaluate.reference_of(config)
  if other := SETS[name].labelled:
    data = ConfigDict(config.data.to_dict() | {'name': other})
    labelled = evaluate.reference_of(ConfigDict({'data': data}))
  return Instruments(reference, from_classifier(labelled, folder), folder)


def of_data(tools: Instruments, scratch: Path) -> dict[str, float]:
  """Of training examples in the place of samples. Their Fréchet distance is what a perfect model would reach; a score
  may be higher than theirs, of samples that are clearer than data."""
  train = tools.reference.train
  places = np.random.default_rng(0).permutation(len(train))[:SAMPLES]
  return _of_samples(np.asarray(train.examples(places)['x']), tools, scratch, _AT_THE_END)


def of_run(workdir: Path, tools: Instruments) -> tuple[dict[str, Any], np.ndarray]:
  """All of a run, with averaged weights.

  Returns:
    What a row says of it, and its last samples, u8[SAMPLES, H, W, C].
  """
  last = experiment.load(workdir)
  draw = sampler(last.model, SAMPLES, last.config.seed)
  whose = keys.of(last.config.seed, 'given')
  conditions = given.of_random_examples(tools.reference.train, last.model.given, whose, SAMPLES)
  steps = moments(last.config.num_steps)
  course: dict[str, list[float]] = {name: [] for name in _ON_THE_WAY}
  for step in steps[:-1]:
    # of one model, so that all moments share its programs
    trained = experiment.load(workdir, step=step)._replace(model=last.model)
    found = _of_samples(draw(*_newest(trained), conditions), tools, workdir / '.evaluation', _ON_THE_WAY)
    for metric in _ON_THE_WAY:
      course[metric].append(found[metric])
  x = draw(*_newest(last), conditions)
  found = _of_samples(x, tools, workdir / '.evaluation', _AT_THE_END)
  for metric in _ON_THE_WAY:
    course[metric].append(found[metric])
  if last.model.encode:
    setup = _setup(tools, workdir / '.evaluation', ('reconstruction_error',))
    found |= _values(measure(last.model, *_newest(last), setup))
  return {
    'metrics': found,
    'course': {'step': steps, **course},
    'health': _health(last, writers.read(workdir), tools),
    'features': tools.features.name,
  }, x


def moments(num_steps: int) -> list[int]:
  """The steps whose samples are measured; the last is the end."""
  return [num_steps * part // MOMENTS for part in range(1, MOMENTS + 1)]


def _of_samples(x, tools, scratch, metrics):
  found = _values(measure_samples(x, _setup(tools, scratch, metrics)))
  real = tools.reference.test.examples(np.arange(len(tools.reference.test)))['x']
  return found | {
    'variety': float(variety(real=jnp.asarray(real, 'float32'), fake=jnp.asarray(x, 'float32')))
  }


def _setup(tools, scratch, metrics):
  run = Run(name=str(scratch.parent), model='', config_sha='', step=0, weights='averaged')
  settings = Settings(num_samples=SAMPLES, against='test', metrics=metrics)
  return Setup(run, tools.reference, tools.features, tools.cache, scratch, settings)


def _newest(trained):
  return list(trained.weights().values())[-1]


def _values(records):
  return {record.metric: record.value for record in records}


def _health(trained, rows, tools) -> list[str]:
  """The sentences of the end of the run; none of a family that has none."""
  if not trained.model.health:
    return []
  newest: dict[str, Mapping[str, Any]] = {}
  for row in rows:
    if row.get('weights', 'raw') == 'raw':
      newest[row['split']] = row
  of_seen = {}
  if trained.model.compares_seen:
    examples, config = evaluate.seen(tools.reference.train), trained.config
    measure_terms = evaluate.evaluator(trained.model, examples, config.batch_size, config.seed)
    of_seen = measure_terms(*trained.weights()['raw'])
  return trained.model.health(newest['train'], newest['validation'], of_seen)
