"""The one loop. It knows of a model what `GenerativeModel` says, and nothing else."""

import contextlib
from pathlib import Path

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxgen import beginning, data, experiment, parallel
from jaxgen import config as configs
from jaxgen.data import vocabulary
from jaxgen.data.tables import columns
from jaxgen.loop import init_from, signals, watch
from jaxgen.loop.clock import Clock
from jaxgen.loop.preparation import begin, dispatch_before, dispatches, prepare, trace
from jaxgen.loop.stop import Stopped, on_any_host, stop_signals
from jaxgen.loop.window import NotFinite, Window
from jaxgen.programs import compiling
from jaxgen.runs import best, content, failure, stages, writers
from jaxgen.runs import workdir as workdirs
from jaxgen.runs.checkpoint import Checkpoints
from jaxgen.types import State


def train(config: ConfigDict, workdir: Path | str, trust: bool = False) -> State:
  """Trains to `config.num_steps`, or goes on with the run that `workdir` holds.

  With `config.max_minutes` the run ends after so much time, wherever it is, its pauses for evaluation and pictures
  left out. Its schedules still end at `decay_steps`: a constant one goes with this.

  A run that was stopped or killed and is started again ends in the same parameters, bit for bit, as one that was
  not: the batch of a step is a function of (seed, step), and so is its key.

  Args:
    config: as a file in `configs/` gives it.
    workdir: see `jaxgen.runs.workdir` for what it holds afterwards.
    trust: whether a run that this one is built on may be of a module that is none of jaxgen's: importing it runs it.

  Returns:
    The last state.

  Raises:
    UserError: if the config, the data, the devices or the workdir do not fit.
    Diverged: a `UserError`, if a loss or the parameters are no longer finite.
    Stopped: on SIGTERM or Ctrl-C, once the state is saved.
  """
  workdir = Path(workdir)
  configs.check(config)
  config = workdirs.with_schedules(workdir, data.resolve(experiment.checked(config)))
  model_keys = experiment.model_keys(config)
  workdirs.check_same_run(workdir, config, model_keys)
  # Before anything is written: a config, data or a model that does not fit leaves no folder behind.
  setting = prepare(config, workdir, trust)
  first, fit = init_from.begin(setting, trace(setting), trust)
  with (
    workdirs.claim(workdir, experiment.lasting(config), _content(setting), model_keys),
    contextlib.closing(Checkpoints(workdir / 'checkpoints', config.keep_checkpoints)) as checkpoints,
  ):
    state, notes = _start(setting, checkpoints, first, fit)
    _recover_best(setting, checkpoints)
    clock = Clock(notes.get('seconds', 0.0), limit=60 * config.max_minutes)
    reached, before = _end_reached(config, int(state.step), clock), dispatch_before(config, int(state.step))
    missed = on_any_host(watch.missed(setting, before, bool(reached)), True)
    if reached and not missed:
      print(f'done     already; to train longer, give --config.{reached}.', flush=True)
      return state
    stop = int(state.step) if reached else config.num_steps
    return _run(
      setting, checkpoints, state, stop, before if missed else None, Window(notes.get('window')), clock
    )


def _content(setting):
  """What tells apart all that the run sees of its data."""
  monitored = data.monitored_split(setting.config.data)
  splits = {'train': setting.source, monitored: data.load(setting.config.data, monitored)}
  found = {split: data.fingerprint(source) for split, source in splits.items()}
  spelt = setting.source.vocabulary
  return {**found, 'vocabulary': content.of_vocabulary(spelt)} if spelt else found


def _start(setting, checkpoints, first, fit):
  """The first state, or that of the newest checkpoint; says what runs where."""
  config = setting.config
  if jax.process_index() == 0:
    workdirs.write_parameters(setting.workdir, first.shapes.params)
    if setting.source.vocabulary:
      vocabulary.save(setting.workdir, setting.source.vocabulary)
    if setting.source.columns:
      columns.save(setting.workdir, setting.source.columns)
    remembered = experiment.lasting(config).stages
    if kept := {name: stage for name, stage in setting.stages.items() if remembered.get(name)}:
      stages.write(setting.workdir, kept)
  size = sum(leaf.size for leaf in jax.tree.leaves(first.shapes.params))
  device = jax.devices()[0]
  where = 'streamed' if setting.resident is None else 'on the device'
  shape, size_of_step = 'x'.join(map(str, config.data.fields.x.shape)), beginning.step_size(config)
  print(f'model    {config.module}, {size:,} parameters; {setting.model.objective}')
  print(
    f'data     {setting.source.name}: {len(setting.source):,} examples of {shape}, {where}; {size_of_step} a step'
  )
  print(f'devices  {jax.device_count()} x {device.device_kind} ({setting.backend}), jax {jax.__version__}')
  for note in configs.schedule_notes(config):
    print(f'schedule {note}')
  for name, stage in setting.stages.items():
    print(f'stage    {name}: step {stage.step:,} of {stage.workdir}, weights {stage.sha256[:8]}')
  if fit is not None:
    init_from.note(setting.workdir, fit)
  print(f'workdir  {setting.workdir}', flush=True)
  if reminder := failure.reminder(setting.workdir, experiment.optimizers(config)):
    print(f'note     {reminder}')
  restored = _restore(setting, checkpoints, first.shapes)
  if restored is None:
    return begin(setting, first), {}
  state, notes = restored
  print(f'resumed  at step {int(state.step):,} of {config.num_steps:,}', flush=True)
  return state, notes


def _restore(setting, checkpoints, first):
  """After a failure, an optimizer that keeps other numbers than the one before it begins anew."""
  now, saved_shapes = (
    experiment.optimizers(setting.config),
    experiment.saved_shapes(setting.config, setting.stages),
  )

  def shapes(notes):
    if notes.get('optimizers', now) == now:
      return first
    return parallel.shapes(saved_shapes(notes), setting.backend)

  restored = checkpoints.restore(shapes)
  if restored is None:
    return None
  state, notes = restored
  if jax.tree.map(jnp.shape, state.opt) != jax.tree.map(lambda leaf: leaf.shape, first.opt):
    state = state._replace(opt=jax.jit(setting.model.update.init)(state.params))
    print('note     the optimizer keeps other numbers than the one before, and begins anew')
  return parallel.place(state, setting.backend), notes


def _end_reached(config, step, clock):
  """The key that ended the run, and what it takes to go on; '' where there is something left to train."""
  if step >= config.num_steps:
    return f'num_steps a value above {step}'
  return f'max_minutes a value above {config.max_minutes:g}' if clock.is_over else ''


def _run(setting, checkpoints, state, stop, missed, window, clock):
  """Trains to step `stop`, once it has looked where a kill cut that off (`missed`, a dispatch or None)."""
  config, start = setting.config, int(state.step)
  first_host = jax.process_index() == 0  # it alone writes
  with (
    stop_signals() as stop_asked,
    contextlib.closing(writers.MetricsWriter(setting.workdir) if first_host else writers.Silent()) as writer,
    contextlib.closing(
      writers.Progress(start, config.num_steps) if first_host else writers.Silent()
    ) as progress,
  ):
    looking = watch.Watch(setting, writer, progress)
    if missed:
      _look(setting, checkpoints, looking, state, missed, start == stop, window, clock)
    late = None  # the dispatch before, whose metrics nobody has waited for yet
    for dispatch in dispatches(setting, start, stop):
      known = dispatch.first > start or setting.step.is_compiled(dispatch.batches)
      with compiling('the training step', silent=known or not first_host):
        state, metrics = setting.step(state, dispatch.batches, setting.resident)
      if late is not None:
        _settle(setting, checkpoints, *late, window, clock, writer, progress)
      late = dispatch, metrics
      may_ask = dispatch.due(config.log_every or 100)
      end = dispatch.last == stop or on_any_host(clock.is_over, may_ask)
      stopping = not end and on_any_host(stop_asked.is_set(), may_ask)
      if (
        end
        or stopping
        or any(map(dispatch.due, (config.checkpoint_every, config.eval_every, config.sample_every)))
      ):
        _settle(setting, checkpoints, *late, window, clock, writer, progress, end)
        late = None
        if end or stopping or dispatch.due(config.checkpoint_every):
          _save(setting, checkpoints, state, window, clock)
        _look(setting, checkpoints, looking, state, dispatch, end, window, clock)
      if stopping:
        checkpoints.wait()
        again = f'python -m jaxgen.main --workdir={setting.workdir}'
        again += '' if config.module.startswith('jaxgen.models.') else ' --trust'
        raise Stopped(
          f'Stopped at step {dispatch.last} and saved. To go on: {again}',
          signals.exit_code(stop_asked.number),
        )
      if end:
        break
    checkpoints.wait()
  late = '; it had come to its end when it was asked to stop' if stop_asked.is_set() else ''
  print(f'done     {setting.workdir}{late}', flush=True)
  return state


def _look(setting, checkpoints, looking, state, dispatch, end, window, clock):
  """Evaluates and draws what is due, and keeps the checkpoint if it is the best.

  The file follows the checkpoint, and the one before may go only then: a kill in between costs neither.
  """
  with clock.paused():
    found = looking.look(parallel.on_every_host(state), dispatch, end)
  if on_any_host(found is not None, end or dispatch.due(setting.config.eval_every)):
    _save(setting, checkpoints, state, window, clock)
    checkpoints.wait()
    if jax.process_index() == 0:
      best.write(setting.workdir, found)
    checkpoints.protect('best', dispatch.last)


def _recover_best(setting, checkpoints):
  known = best.recover(setting.workdir, checkpoints.steps(), setting.model.selected_by)
  if jax.process_index() == 0:
    best.write(setting.workdir, known)
  if known:
    checkpoints.protect('best', known.step)


def _settle(setting, checkpoints, dispatch, metrics, window, clock, writer, progress, end=False):
  """Takes in the metrics of a dispatch, and writes a row where one is due."""
  try:
    window.add(dispatch.first, jax.device_get(metrics))
  except NotFinite as error:
    raise _end_not_finite(setting, checkpoints, error.step, str(error)) from None
  checkpoints.confirm(dispatch.first)
  progress.advance(dispatch.last - dispatch.first)
  clock.tick(dispatch.last - dispatch.first)
  if end or dispatch.due(setting.config.log_every):
    rate = clock.rate()
    row = {'step': dispatch.last, 'split': 'train', **window.means()}
    row |= {} if rate is None else {'steps_per_second': rate}
    writer.write(row)
    progress.show(row, rate and clock.seconds_left(setting.config.num_steps - dispatch.last, rate))
    window.clear()


def _end_not_finite(setting, checkpoints, step, reason):
  """Leaves the run at the newest checkpoint whose own step, and the one before it, had a finite loss."""
  checkpoints.wait()
  steps = checkpoints.steps()
  for bad in (saved for saved in steps if saved >= step):
    checkpoints.set_aside(bad, 'not-finite', keep=3)  # for whoever wants to know why
  _recover_best(setting, checkpoints)
  good = max((saved for saved in steps if saved < step), default=0)
  if jax.process_index() == 0:
    failure.write(setting.workdir, reason, good, experiment.optimizers(setting.config))
  kept = (
    f'the last good checkpoint is that of step {good}.' if good else 'there was no good checkpoint before it.'
  )
  return failure.Diverged(
    f'{reason}; {kept} Start the same command {failure.REMEDY}: the run goes on from there.'
  )


def _save(setting, checkpoints, state, window, clock):
  """Saves, unless an array is no longer finite: the loss of the next step would show it, but too late."""
  step = int(state.step)
  if not bool(_all_finite(state.params)):
    raise _end_not_finite(setting, checkpoints, step, f'The parameters are no longer finite at step {step}')
  notes = {
    'window': window.to_json(),
    'seconds': clock.seconds,
    'optimizers': experiment.optimizers(setting.config),
  }
  checkpoints.save(parallel.on_every_host(state), notes)
  if failure.read(setting.workdir) is not None:
    checkpoints.wait()
    failure.clear(setting.workdir)


@jax.jit
def _all_finite(tree):
  return jnp.all(jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(tree)]))
