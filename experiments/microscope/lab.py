"""Small runs for the claims: an arm is one configuration, trained for all seeds by one program, and measured."""

import collections
import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from experiments.microscope import families, walls
from experiments.microscope.budget import Bill
from experiments.microscope.runs import Bench, measured
from experiments.microscope.settings import kept
from jaxgen import config as configs
from jaxgen import data, experiment, parallel
from jaxgen.data import toy
from jaxgen.errors import UserError
from jaxgen.evaluate import evaluator
from jaxgen.loop import preparation
from jaxgen.metrics import features as feature_kinds
from jaxgen.metrics import storage
from jaxgen.metrics.evaluation import Run
from jaxgen.metrics.modes import mixture_modes
from jaxgen.types import GenerativeModel, State

_DISPATCH = 25  # steps in one program
# Of arms: claims are tested at the same time, and share some.
_LOCKS = collections.defaultdict(threading.Lock)

# What an arm is measured by besides: (lab, model, params, extra, seed) -> {name: value}
Probe = Callable[['Lab', GenerativeModel, Any, Any, int], dict[str, Any]]


class NotHere(Exception):
  """Why a claim cannot be tested on this data."""


class Lab(NamedTuple):
  """What a claim may use.

  Attributes:
    tools: the data and the features.
    bills: of the families.
    results: of the runs of the table: `{family: [result of each seed]}`.
  """

  tools: Bench
  bills: dict[str, Bill]
  results: dict[str, list[dict]]

  @property
  def seeds(self) -> range:
    """0, 1, ..."""
    return range(self.tools.settings.seeds)

  @property
  def steps(self) -> int:
    """Of a small run: whole dispatches, eight moments."""
    return max(1, round(self.tools.settings.claim_steps / _DISPATCH)) * _DISPATCH

  def config(self, name: str, changes: dict[str, Any], source: str = '') -> ConfigDict:
    """`configs/<name>.py` for a small run on the data at hand, or on `toy:<source>`; keys may be dotted."""
    settings = (
      self.tools.settings._replace(data=f'toy:{source}', image_size=0) if source else self.tools.settings
    )
    config = families.base_config(name, settings)
    config.num_steps, config.steps_per_dispatch, config.batch_size = self.steps, _DISPATCH, 64
    config.update_from_flattened_dict(changes)
    return config


def arm(
  lab: Lab,
  name: str,
  config: ConfigDict,
  *,
  metrics: tuple[str, ...] = (),
  moments: int = 1,
  model: GenerativeModel | None = None,
  probe: Probe | None = None,
  samples: int = 500,
  source: Callable[[preparation.Setting], preparation.Setting] = lambda setting: setting,
) -> list[dict]:
  """Trains `config` for every seed and measures it; finished arms are kept on disk and shared by the claims.

  Args:
    lab: see there.
    name: of the arm: letters, digits, '-'.
    config: resolved; its seed is replaced.
    metrics: of `jaxgen.metrics.catalogue`, measured at each moment with averaged weights.
    moments: how often to measure, evenly over the run, the last time at its end.
    model: where it is not what `config.module` builds.
    probe: what else to measure.
    samples: for the metrics.
    source: changes what is trained on.

  Returns:
    For each seed `{'seed', 'moments': [{metric: value}], 'records': [...], 'wall': uri, 'failure': ''}`. The
    moments end where training failed.
  """
  measure = functools.partial(_measure, lab, name, config, metrics, samples, probe)
  made = {}  # the model and its program are made once, and only if a seed is still to do

  def run(seed):
    if not made:
      setting = source(preparation.prepare(config, ''))
      setting = setting if model is None else setting._replace(model=model)
      made['setting'] = setting
      made['step'] = parallel.data_parallel(setting.model.update.apply, setting.backend)
    return _run(made['setting'], made['step'], seed, moments, measure)

  folder = lab.tools.settings.out / 'measured' / 'arms'
  with _LOCKS[name]:
    results = [kept(folder / f'{name}_{seed}.json', lambda seed=seed: run(seed)) for seed in lab.seeds]
  lab.tools.say(f'  {name}: ' + '; '.join(_headline(result) for result in results))
  return results


def values(results: Sequence[dict], metric: str, moment: int = -1) -> list[float]:
  """One metric of an arm, for each seed; nan where training failed."""
  return [
    result['moments'][moment].get(metric, np.nan) if not result['failure'] else np.nan for result in results
  ]


def curve(results: Sequence[dict], metric: str) -> np.ndarray:
  """One metric over the moments, f64[seeds, moments]; of the seeds that did not fail."""
  whole = [result for result in results if not result['failure']]
  return np.array([[moment.get(metric, np.nan) for moment in result['moments']] for result in whole])


def _run(setting, step, seed, moments, measure):
  config = setting.config.copy_and_resolve_references()
  config.seed = seed
  setting = setting._replace(config=config)
  state, found = preparation.first_state(setting), {'seed': seed, 'moments': [], 'records': [], 'failure': ''}
  due = {round(config.num_steps * (i + 1) / moments / _DISPATCH) * _DISPATCH for i in range(moments)}
  for dispatch in preparation.dispatches(setting, 0, config.num_steps):
    state, _ = step(state, dispatch.batches, setting.resident)
    if dispatch.last in due | {config.num_steps}:
      try:
        measure(setting.model, state, seed, found)
      except UserError as error:
        return found | {'failure': str(error)}
  return found


def _measure(lab, name, config, metrics, samples, probe, model, state: State, seed, found):
  if not all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(state.params)):
    raise UserError(f'the parameters are not finite at step {int(state.step)}.')
  params, extra = list(experiment.weights(model, state, seed).values())[-1]
  tools = lab.tools if not config.data.name.startswith('toy:') else toy_bench(lab.tools, config.data.name)
  sha = storage.fingerprint(config.to_dict())[:8]
  run = Run(f'{name}, seed {seed}', config.module, sha, int(state.step), 'averaged', seed)
  samples = tools.enough(samples)
  records = measured(tools, model, params, extra, run, metrics=metrics, samples=samples) if metrics else []
  moment = {record['metric']: record['value'] for record in records} | {'step': int(state.step)}
  moment |= probe(lab, model, params, extra, seed) if probe else {}
  found['moments'].append(moment)
  found['records'] += records
  if int(state.step) == config.num_steps and tools is lab.tools:
    found['wall'] = walls.wall(model, params, extra, tools.reference.x)


def test_terms(lab: Lab, model, params, extra, seed: int) -> dict[str, float]:
  """A probe: the terms of the loss on the test split."""
  return _evaluator(model, lab.tools.reference.test, seed)(params, extra)


def held_out_terms(lab: Lab, model, params, extra, seed: int) -> dict[str, float]:
  """The same, and those of the validation split, to choose by: `validation_<name>`."""
  validation = _evaluator(model, lab.tools.reference.validation, seed)(params, extra)
  chosen_by = {f'validation_{name}': value for name, value in validation.items()}
  return test_terms(lab, model, params, extra, seed) | chosen_by


@functools.cache
def _evaluator(model, source, seed):
  return evaluator(model, source, 100, seed)


@functools.cache
def _toy_reference(name):
  density = toy.DENSITIES[name.partition(':')[2]]
  config = configs.defaults().data
  config.update(dict(name=name, validation=0.0))
  splits = {split: data.load(config, split) for split in ('train', 'test')}
  return feature_kinds.Reference(
    name,
    splits['train'].spec,
    **splits,
    modes=density.modes,
    mode_std=density.mode_std,
    entropy=density.entropy,
  )


def toy_bench(tools: Bench, name: str) -> Bench:
  """The tools for a density in the plane, whose points are compared as they are."""
  reference = _toy_reference(name)
  return tools._replace(reference=reference, features=feature_kinds.choose(reference, tools.settings.cache))


def _headline(result):
  if result['failure']:
    return 'failed'
  shown = {name: value for name, value in result['moments'][-1].items() if isinstance(value, float)}
  return ', '.join(f'{name} {value:.3g}' for name, value in list(shown.items())[:2])


def points(lab: Lab, model, params, extra, seed: int) -> dict[str, list]:
  """A probe: four hundred points of a model in the plane, for a picture."""
  return {
    'points': for_picture(jax.jit(model.sample, static_argnums=3)(params, extra, jax.random.key(seed), 400))
  }


def for_picture(x) -> list:
  """Points in the plane, as JSON."""
  return np.round(np.asarray(x[:400], np.float64), 3).tolist()


MODES_NEED = 'a tenth of an equal share of the samples lies within three standard deviations'


def modes_reached(x, density: toy.Density) -> int:
  """The modes to which `MODES_NEED` applies: one sample may be there by chance."""
  share = mixture_modes(np.asarray(x), density.modes, density.mode_std).share
  return int((share >= 0.1 / len(share)).sum())
