"""How long Glow, as published but for its depth, takes to its first step: traced and compiled, never run."""

import statistics
import sys
import tempfile

from experiments.speed import worker
from experiments.speed.cases import CASES, settings

DEPTHS = (4, 32)


def measure(rounds: int) -> dict:
  """Medians of both depths, taking turns, each time in a new process with an empty cache."""
  times = {depth: [] for depth in DEPTHS}
  case = CASES['glow_32x32']._replace(changes={})
  for _ in range(rounds):
    for depth in DEPTHS:
      config = settings(case._replace(changes={'model.depth': depth})).to_dict()
      with (
        tempfile.TemporaryDirectory() as cache,
        worker.Worker(sys.executable, __name__, {'JAX_COMPILATION_CACHE_DIR': cache}) as process,
      ):
        times[depth].append(process.ask(do='compile', config=config))
  return {
    'depths': {
      str(depth): {part: statistics.median(t[part] for t in measured) for part in measured[0]}
      for depth, measured in times.items()
    }
  }


def _compile(config):
  import time

  from ml_collections import ConfigDict

  from jaxgen import process

  process.set_up()
  import jax
  import jax.numpy as jnp

  from jaxgen import experiment, parallel

  jax.devices()
  config = ConfigDict(config)
  start = time.perf_counter()
  model = experiment.build_model(config)
  batch = {'x': jnp.zeros((config.batch_size, *config.data.shape), jnp.uint8)}
  initialize = jax.jit(lambda: model.init(jax.random.key(0), batch)).lower()
  state = experiment.first_shapes(model, config)
  step = parallel.data_parallel(model.update.apply, 'jit')
  indices = jax.ShapeDtypeStruct((1, config.batch_size), jnp.int32)
  program = step.lower(state, indices, batch)
  traced = time.perf_counter()
  initialize.compile()
  program.compile()
  return {'trace': traced - start, 'compile': time.perf_counter() - traced}


if __name__ == '__main__':
  worker.serve(compile=_compile)
