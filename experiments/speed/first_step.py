"""What comes before the first step of training, phase by phase, with an empty cache of programs and a full one."""

import contextlib
import io
import statistics
import sys
import tempfile

from experiments.speed import worker
from experiments.speed.cases import CASES, CONFIGS, load, settings

DEPTHS = (4, 32)
FAMILIES = (
  *('vae_digits', 'gan_digits', 'glow_digits', 'pixelcnn_digits', 'ncsn_digits'),
  *('vae_mnist', 'dcgan_mnist', 'glow_mnist', 'pixelcnn_mnist', 'ncsn_mnist'),
)


def measure(rounds: int) -> dict:
  """Glow as published but for its depth: medians of two depths, taking turns, each in a new process, nothing cached."""
  times = {depth: [] for depth in DEPTHS}
  case = CASES['glow_32x32']._replace(changes={})
  for _ in range(rounds):
    for depth in DEPTHS:
      config = settings(case._replace(changes={'model.depth': depth})).to_dict()
      with tempfile.TemporaryDirectory() as cache:
        phases = _ask(cache, config=config)
        times[depth].append({part: phases[part]['seconds'] for part in ('trace', 'compile')})
  return {
    'depths': {
      str(depth): {part: statistics.median(t[part] for t in measured) for part in measured[0]}
      for depth, measured in times.items()
    }
  }


def waiting(name: str, rounds: int) -> dict:
  """A config with its own data: medians of each phase, `{'cold' | 'cached': {phase: {'seconds', 'cpu'}}}`."""
  turns = {'cold': [], 'cached': []}
  for _ in range(rounds):
    with tempfile.TemporaryDirectory() as cache:
      for kind in turns:
        turns[kind].append(_ask(cache, config=load(name).to_dict()))
  return {
    kind: {
      phase: {unit: statistics.median(turn[phase][unit] for turn in measured) for unit in ('seconds', 'cpu')}
      for phase in measured[0]
    }
    for kind, measured in turns.items()
  }


def there_are(names: tuple[str, ...]) -> list[str]:
  """Those of `FAMILIES` among `names` that have a config."""
  return [name for name in FAMILIES if name in names and (CONFIGS / f'{name}.py').exists()]


def _ask(cache, **question):
  with worker.Worker(sys.executable, __name__, {'JAX_COMPILATION_CACHE_DIR': cache}) as process:
    return process.ask(do='start', **question)


def _start(config):
  """Seconds and processor seconds of all that a training run does before its first step; that step is not taken.

  'trace' is of the first state and of the step, and so is 'compile', which computes the state too.
  """
  import time

  phases, last = {}, [time.perf_counter(), time.process_time()]

  def end(phase):
    now = [time.perf_counter(), time.process_time()]
    phases[phase] = dict(
      zip(('seconds', 'cpu'), (b - a for a, b in zip(last, now, strict=True)), strict=True)
    )
    last[:] = now

  from jaxgen import process

  process.set_up()
  import jax
  from ml_collections import ConfigDict

  from jaxgen import beginning, data, experiment, fields, parallel
  from jaxgen.loop import preparation

  end('import')
  config = ConfigDict(config)
  if 'fields' in config.data:  # a case: its data are shapes alone, and its step alone counts
    model = experiment.build_model(config)
    batch = fields.blank(fields.of(config), config.batch_size)
    step = parallel.data_parallel(model.update.apply, 'jit')
    batches = jax.ShapeDtypeStruct((1, config.batch_size), 'int32')
    state = jax.block_until_ready(beginning.first_state(model, config, batch))
    end('first state')
    program = step.lower(state, batches, batch)
    end('trace')
    program.compile()
  else:
    setting = preparation.prepare(data.resolve(config), '.')
    end('data')
    start = preparation.trace(setting)
    end('trace')
    with contextlib.redirect_stdout(io.StringIO()):  # what is printed is read by whoever asked
      jax.block_until_ready(preparation.begin(setting, start))
  end('compile')
  return phases


if __name__ == '__main__':
  worker.serve(start=_start)
