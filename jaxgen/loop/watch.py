"""What a person looks at while a model trains: evaluations, samples, reconstructions, curves and a GIF."""

from typing import Any

import jax
import numpy as np

from jaxgen import data, experiment, fields, keys, show
from jaxgen.data import given
from jaxgen.data.densities.density import Density
from jaxgen.evaluate import evaluator, seen
from jaxgen.metrics.modes import mixture_modes
from jaxgen.runs import best, writers
from jaxgen.runs.best import Best
from jaxgen.types import State
from jaxgen.uses import known
from jaxgen.uses.reconstruction import reconstructor
from jaxgen.uses.samples import sampler, with_conditions
from jaxgen.uses.subject import needed

_COLLAPSED = 0.2  # of the data's spread; below it the samples hardly differ from each other
_ENOUGH = 20  # samples for each mode: by chance none is missed
_BETWEEN = 0.75  # of samples close to a mode; data have 0.99


def missed(setting: Any, dispatch: Any, end: bool) -> bool:
  """Whether a kill cut off what was due after a `jaxgen.loop.preparation.Dispatch`: what is done has its rows."""
  rows = writers.read(setting.workdir)
  return not _due(setting, dispatch, end) <= {row['split'] for row in rows if row['step'] == dispatch.last}


def _due(setting, dispatch, end):
  """The kinds of rows, by their split."""
  config = setting.config
  every = {data.monitored_split(config.data): config.eval_every}
  if setting.model.sample:  # a density alone is evaluated, and nothing is drawn of it
    every['samples'] = config.sample_every
  return {split for split, steps in every.items() if steps and (end or dispatch.due(steps))}


class Watch:
  """Evaluates and draws at the steps that the config names, and at the end."""

  def __init__(
    self,
    setting: Any,
    writer: writers.MetricsWriter | writers.Silent,
    progress: writers.Progress | writers.Silent,
  ):
    """`setting` is a `jaxgen.loop.preparation.Setting`."""
    config = setting.config
    self._setting, self._writer, self._progress = setting, writer, progress
    self._spec = fields.of(config)
    self._split = data.monitored_split(config.data)
    held_out = data.load(config.data, self._split)
    self._evaluate = evaluator(setting.model, held_out, config.batch_size, config.seed)
    self._seen = seen(setting.source)
    self._best = best.read(setting.workdir)
    self._sample = sampler(setting.model, config.num_samples, config.seed) if setting.model.sample else None
    self._reconstruct = reconstructor(setting.model, config.seed)
    self._shown = held_out.examples(np.arange(min(config.num_samples, len(held_out))))
    self._about = known.about(config, lambda: held_out, setting.source.vocabulary, setting.source.columns)
    self._density = data.known_density(config.data)
    whose = keys.of(config.seed, 'given')
    self._given = given.of_random_examples(setting.source, setting.model.given, whose, config.num_samples)

  def look(self, state: State, dispatch: Any, end: bool) -> Best | None:
    """Does what is due after a `Dispatch`; returns what has become the best step by validation."""
    config, step, found = self._setting.config, dispatch.last, None
    due = _due(self._setting, dispatch, end)
    # what belongs to averaged weights may have to be measured first
    weights = experiment.weights(self._setting.model, state, config.seed) if due else {}
    if self._split in due:
      rows = [
        {'step': step, 'split': self._split, 'weights': name, **self._evaluate(*each)}
        for name, each in weights.items()
      ]
      for row in rows:
        self._writer.write(row)
        self._progress.show(row)
      self._warn(rows[0], next(iter(weights.values())))
      found = self._better(rows[-1])
    if 'samples' in due:
      for name, (params, extra) in weights.items():
        self._draw(name, params, extra, step)
      self._summarize()
    return found

  def _better(self, row):
    """The weights that are used in the end decide: averaged ones where there are such."""
    metric = self._setting.model.selected_by
    if not metric or self._split != 'validation':
      return None
    found = best.of_row(row, metric)
    if not found.beats(self._best):
      return None
    self._best = found
    return found

  def _warn(self, held_out, weights):
    """Says what the newest rows of the weights that are trained tell of the training."""
    if not (health := self._setting.model.health):
      return
    compared = self._setting.model.compares_seen
    of_seen = self._evaluate(*weights, self._seen) if compared else {}  # on every host, each has a part of it
    trained = self._writer.newest('train')
    for sentence in health(trained, held_out, of_seen) if trained else ():
      self._progress.say(f'step {held_out["step"]:>6}  {sentence}')

  def _draw(self, name, params, extra, step):
    x = needed(self._sample)(params, extra, self._given)
    self._save(f'{name}_{step:08d}', with_conditions(x, self._given, self._spec, self._about), name, step)
    spread = float(x.std(0).mean() / max(1e-9, self._shown['x'].std(0).mean()))
    if spread < _COLLAPSED and len(x) > 1:
      self._progress.say(
        f"step {step:>6}  the {name} samples hardly differ: their spread is {spread:.2f} of the data's. "
        'If this lasts, the model has collapsed.'
      )
    if self._setting.model.encode and self._setting.model.decode:
      again = self._reconstruct(params, extra, self._shown)
      titles = 'examples', 'reconstructions'
      originals = show.with_gaps(self._shown, self._spec['x'])
      drawn = show.compared([originals, again], self._spec['x'], self._about, titles)
      self._save(f'reconstructions_{name}_{step:08d}', drawn, f'reconstructions_{name}', step)
    modes, sentence = modes_found(x, self._density)
    if sentence:
      self._progress.say(f'step {step:>6}  the {name} samples {sentence}')
    self._writer.write({'step': step, 'split': 'samples', 'weights': name, 'spread': spread, **modes})

  def _save(self, stem, image, tag, step):
    if jax.process_index() > 0:
      return  # every host computes, the first one writes
    show.save_png(image, self._setting.workdir / 'samples' / f'{stem}.png')
    self._writer.picture(tag, image, step)

  def _summarize(self):
    if jax.process_index() > 0:
      return
    workdir = self._setting.workdir
    show.curves(writers.read(workdir), workdir / 'curves.png')
    kinds = ('averaged', 'raw')
    best = next((kind for kind in kinds if list((workdir / 'samples').glob(f'{kind}_*.png'))), None)
    if best:
      show.gif_of_pngs(f'{best}_*.png', workdir / 'samples', workdir / 'samples.gif')


def modes_found(x: np.ndarray, density: Density | None) -> tuple[dict[str, float], str]:
  """What samples f32[N, D] cover of the modes of a density, where it is known to have some: numbers for their row, and
  what to say of the samples where modes are lost, or most lie between them; `({}, '')` where nothing is known."""
  if density is None or density.modes is None:
    return {}, ''
  found = mixture_modes(x, density.modes, density.mode_std)
  sentence = ''
  if len(x) >= _ENOUGH * found.total:
    if found.covered < found.total:
      sentence = (
        f'cover {found.covered} of {found.total} modes. If this lasts, the model has lost the others.'
      )
    elif found.close < _BETWEEN:
      sentence = (
        f'cover all {found.total} modes, but {found.close:.0%} of them lie within three standard deviations of one: '
        'the others lie between. Train for longer, let the learning rates fall, or give the networks a layer more.'
      )
  return {'modes_covered': found.covered, 'close_to_modes': found.close}, sentence
