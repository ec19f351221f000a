"""The runs of the table: each family and seed is trained by `jaxgen.train.train`, then measured at five moments."""

import contextlib
import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from experiments.microscope import budget, families, quality, walls
from experiments.microscope.settings import Settings, kept
from jaxgen import beginning, data, experiment, fields, train
from jaxgen.errors import UserError
from jaxgen.metrics import features as feature_kinds
from jaxgen.metrics import measure as measuring
from jaxgen.metrics import storage
from jaxgen.metrics.catalogue import possible
from jaxgen.metrics.evaluation import Run, Setup
from jaxgen.metrics.evaluation import Settings as How
from jaxgen.metrics.features.reference import halves
from jaxgen.runs import workdir, writers
from jaxgen.runs.checkpoint_reader import Reader
from jaxgen.types import GenerativeModel

SAMPLE_METRICS, DENSITY_METRICS = ('frechet_distance', 'density_coverage', 'class_modes'), ('bits_per_dim',)
BATCHES = (1, 64)  # sizes at which sampling is timed


class Bench(NamedTuple):
  """What all measurements share; `say` is told how far they are."""

  settings: Settings
  reference: feature_kinds.Reference
  features: feature_kinds.Features
  say: Callable[[str], Any] = print

  @property
  def samples(self) -> int:
    """That a finished run is measured by: at most as many as half of the training split has examples."""
    return min(self.enough(self.settings.samples), len(self.reference.train) // 2)

  @property
  def moment_samples(self) -> int:
    """The same at each moment of training."""
    return self.enough(max(self.samples // 4, min(self.samples, 100)))

  def enough(self, samples: int) -> int:
    """So many samples, or as many as a Fréchet distance by these features needs: its covariance is of full rank."""
    return max(samples, self.features.width + 1)


def check_features(tools: Bench) -> None:
  """Says where more samples are measured than were asked for, since the features are wide.

  Raises:
    UserError: if there are too few examples to compare with.
  """
  width, half = tools.features.width, len(tools.reference.train) // 2
  if half <= width:
    raise UserError(
      f'{tools.reference.name} has {len(tools.reference.train):,} training images, and Fréchet distances by '
      f'{width:,} features ({tools.features.name}) need {2 * width + 2:,} or more: one half is '
      'compared with the other; take a larger data set.'
    )
  if tools.moment_samples == width + 1:
    tools.say(
      f'Every moment is measured by {width + 1:,} samples: Fréchet distances by {width:,} features need as many.'
    )


def read_data(settings: Settings) -> feature_kinds.Reference:
  """The data that all are trained on and compared with.

  Raises:
    UserError: if they cannot be read, or are no images.
  """
  config = families.base_config('vae_digits', settings)
  families.image_class(config)
  splits = {split: data.load(config.data, split) for split in ('train', 'validation', 'test')}
  return feature_kinds.Reference(name=settings.data, spec=fields.of(config), **splits)


def measured(
  tools: Bench,
  model: GenerativeModel,
  params,
  extra,
  run: Run,
  *,
  metrics: tuple[str, ...] = (),
  samples: int = 0,
  split: str = 'test',
) -> list[dict]:
  """`jaxgen.metrics.measure` with what applies of `metrics` (all of them where empty), as JSON.

  Of `split` are likelihoods and reconstructions: what is printed is of 'test', what is chosen by of 'validation'.
  """
  apply = possible(model, tools.reference, tools.features)
  asked = tuple(name for name in metrics if name in apply)
  how = _how(samples or tools.samples, asked)._replace(split=split)
  if metrics and not how.metrics:
    return []
  records = measuring.measure(model, params, extra, _setup(tools, run, how))
  return [record._asdict() for record in records]


def _how(samples, metrics):
  """Against one half of the training split, so that the other one can be measured in the same way."""
  return How(samples, against='half', batch_size=BATCHES[-1], metrics=metrics)


def _setup(tools, run, how):
  cache, scratch = tools.settings.cache, tools.settings.out / 'scratch'
  return Setup(run, tools.reference, tools.features, cache, scratch, how, say=lambda text: None)


def ceiling(tools: Bench) -> list[dict]:
  """What data reach that no model was compared with: a perfect model would draw such, so none can be expected above it.

  They are one half of the training split; samples of models are compared with the other half, as these are, and are
  as many. Copies are looked for in both halves, and so not among these.
  """
  return kept(tools.settings.out / 'measured' / 'data.json', lambda: _ceiling(tools))


def _ceiling(tools):
  train, num = tools.reference.train, tools.samples
  x = train.examples(halves(len(train))[0][:num])['x']
  applies = possible(measuring.SAMPLES_ALONE, tools.reference, tools.features)
  left_out = {'memorization'}
  if len(tools.reference.test) <= tools.features.width:  # as for models, of which nobody asks for it by name
    left_out.add('frechet_to_splits')
  how = _how(num, tuple(name for name in applies if name not in left_out))
  run = Run('the other half of the data', 'data', '', 0, 'averaged')
  records = measuring.measure_samples(x, _setup(tools, run, how))
  return [record._asdict() for record in records]


def trained(tools: Bench, family: str, bill: budget.Bill, seed: int) -> dict:
  """Trains one run to its end, or goes on with it; what was trained is not trained again.

  Returns:
    `{'family', 'seed', 'steps', 'train_seconds', 'failure': '' or what went wrong}`.
  """
  path = tools.settings.out / 'trained' / f'{family}_{seed}.json'
  return kept(path, lambda: _train(tools, family, bill, seed))


def measured_run(tools: Bench, bill: budget.Bill, run: dict) -> dict:
  """Measures what `trained` returned, at its moments and at its end.

  Returns:
    `run` with `'moments': [{'fraction', 'step', 'seconds', 'records', 'wall'}]`, whose densities are of the validation
    split, `'final': records`, and `'best': records` of the density at the moment that is best by validation.
  """
  path = tools.settings.out / 'measured' / f'{run["family"]}_{run["seed"]}.json'
  return kept(path, lambda: run | _measurements(tools, bill, run))


def sampling_speed(tools: Bench, bill: budget.Bill, run: dict) -> dict[str, float]:
  """`{'1': samples/s, '64': ...}` of a run; nothing else should go on meanwhile."""
  path = tools.settings.out / 'measured' / f'{run["family"]}_{run["seed"]}_speed.json'
  return kept(path, lambda: _sampling_speed(tools, bill, run))


def _folder(tools, run):
  return tools.settings.out / 'runs' / f'{run["family"]}_{run["seed"]}'


def _train(tools, family, bill, seed):
  start, failure = time.perf_counter(), ''
  folder = _folder(tools, {'family': family, 'seed': seed})
  try:
    with _quietly(folder):
      train.train(budget.run_config(family, tools.settings, bill, seed), folder)
  except UserError as error:
    if 'finite' not in str(error):
      raise
    failure = str(error)
  steps, seconds = trained_steps(folder), training_seconds(folder)(np.inf)
  tools.say(
    f'{families.FAMILIES[family].title:16} seed {seed}: {steps:,} steps in {seconds:.1f} s, '
    f'{time.perf_counter() - start:.1f} s with compilation and checkpoints. {failure}'.rstrip()
  )
  return {'family': family, 'seed': seed, 'steps': steps, 'train_seconds': seconds, 'failure': failure}


def _measurements(tools, bill, run):
  if run['failure']:
    return {'moments': [], 'final': [], 'best': []}
  start, family, seed, folder = time.perf_counter(), run['family'], run['seed'], _folder(tools, run)
  clock, config = training_seconds(folder), workdir.load_config(folder)
  sha = storage.fingerprint(config.to_dict())[:8]
  model = _model(family, tools.settings, bill.width)
  moments = []
  checkpoints = Reader(folder / 'checkpoints')
  looked_at = nearest_to_moments(checkpoints.steps(), clock)
  # Such a density takes as long as a thousand samples.
  is_slow = bool(model.log_prob_estimate and model.log_prob_estimate.is_slow)
  densities_at = [step for _, step in looked_at[-1 if is_slow else 0 :]]
  # one seed of samples for all moments and all runs: the same latents, so that walls can be compared
  name = Run(f'{family}, seed {seed}', config.module, sha, 0, 'averaged', seed)
  how = {'samples': tools.moment_samples, 'split': 'validation'}
  for fraction, step in looked_at:
    params, extra = _weights(tools, model, config, checkpoints, step)
    metrics = SAMPLE_METRICS + (DENSITY_METRICS if step in densities_at else ())
    at = measured(tools, model, params, extra, name._replace(step=step), metrics=metrics, **how)
    wall = walls.wall(model, params, extra, tools.reference.x)
    moments.append({'fraction': fraction, 'step': step, 'seconds': clock(step), 'records': at, 'wall': wall})
  final = measured(tools, model, params, extra, name._replace(step=step))
  best = [record for record in final if record['metric'] in DENSITY_METRICS]
  if best and (chosen := quality.best_step(moments)) != step:
    weights = _weights(tools, model, config, checkpoints, chosen)
    best = measured(tools, model, *weights, name._replace(step=chosen), metrics=DENSITY_METRICS)
  for size in BATCHES:  # compiled here, beside others; timed later, alone
    _draw(model)(params, extra, jax.random.key(0), size)
  distance = quality.value(final, 'frechet_distance')
  tools.say(
    f'{families.FAMILIES[family].title:16} seed {seed}: measured in {time.perf_counter() - start:.0f} s. '
    f'Fréchet distance {distance:.2f}'
  )
  return {'moments': moments, 'final': final, 'best': best}


def _weights(tools, model, config, checkpoints, step):
  """Averaged where there are such."""
  state, _ = checkpoints.restore(beginning.first_shapes(model, config), step)
  return list(experiment.weights(model, state, config.seed).values())[-1]


def _sampling_speed(tools, bill, run):
  if run['failure']:
    return {}
  folder = _folder(tools, run)
  model = _model(run['family'], tools.settings, bill.width)
  checkpoints = Reader(folder / 'checkpoints')
  params, extra = _weights(tools, model, workdir.load_config(folder), checkpoints, run['steps'])
  seconds = min(0.3, 60 * tools.settings.minutes)
  return {str(size): samples_per_second(model, params, extra, size, seconds) for size in BATCHES}


@functools.cache
def _model(family, settings, width):
  """One model for all seeds, so that its functions are compiled once. The seed is in the weights alone."""
  return experiment.build_model(families.config_of(family, settings, width))


@functools.cache
def _draw(model):
  return jax.jit(model.sample, static_argnums=3)


def samples_per_second(model: GenerativeModel, params, extra, size: int, seconds: float) -> float:
  """In batches of `size`, timed for `seconds`; the median of at least three batches after the first."""
  draw = _draw(model)
  rng, times, start = jax.random.key(3), [], 0.0
  while len(times) < 4 or (time.perf_counter() - start < seconds and len(times) < 100):
    begin = time.perf_counter()
    jax.block_until_ready(draw(params, extra, jax.random.fold_in(rng, len(times)), size))
    times.append(time.perf_counter() - begin)
    start = start or time.perf_counter()
  return size / float(np.median(times[1:]))


def trained_steps(folder: Path) -> int:
  """The last step that a run wrote down."""
  return max((row['step'] for row in writers.read(folder) if row['split'] == 'train'), default=0)


def training_seconds(folder: Path) -> Callable[[int], float]:
  """A function from steps to the seconds that the run took to get there, from the speeds it wrote down."""
  rows = [row for row in writers.read(folder) if row['split'] == 'train']
  steps, seconds = [0], [0.0]
  rates = [row['steps_per_second'] for row in rows if row.get('steps_per_second')]
  for row in rows:
    rate = row.get('steps_per_second') or (rates[0] if rates else np.nan)
    seconds.append(seconds[-1] + (row['step'] - steps[-1]) / rate)
    steps.append(row['step'])
  return lambda step: float(np.interp(step, steps, seconds))


def nearest_to_moments(steps: list[int], clock: Callable[[int], float]) -> list[tuple[float, int]]:
  """The checkpoint nearest to each moment, each once and the last one among them: `[(fraction, step)]`."""
  *left, last = steps
  chosen = []
  for fraction in budget.MOMENTS[:-1]:
    if left:
      chosen.append((fraction, min(left, key=lambda step: abs(clock(step) - fraction * clock(last)))))
      left = [step for step in left if step > chosen[-1][1]]
  return [*chosen, (budget.MOMENTS[-1], last)]


@contextlib.contextmanager
def _quietly(folder):
  """What the loop prints goes into a file beside its run."""
  folder.mkdir(parents=True, exist_ok=True)
  with open(folder / 'log.txt', 'a') as log, contextlib.redirect_stdout(log):
    yield
