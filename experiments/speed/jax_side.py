"""The worker that times jaxgen, set up as its command line sets itself up."""

import time

from jaxgen import process

process.set_up()

import jax  # noqa: E402
import numpy as np  # noqa: E402
from ml_collections import ConfigDict  # noqa: E402

from experiments.speed import worker  # noqa: E402
from jaxgen import beginning, experiment, fields, parallel, updates  # noqa: E402

_EXAMPLES = 1500  # as many as the digits


class Side:
  """Holds one model, its state and its compiled step."""

  def versions(self):
    """What this interpreter is."""
    device = jax.devices()[0]
    return {'jax': jax.__version__, 'device': device.device_kind, 'threads': _threads()}

  def build(self, config, twin=None):
    """Builds the model; `first_step` is the time to the end of the first dispatch, compilation included."""
    del twin
    self._config = config = ConfigDict(config)
    rng = np.random.default_rng(0)
    drawn = {
      name: rng.integers(0, field.levels, (_EXAMPLES, *field.shape), fields.dtype(field))
      for name, field in fields.of(config).items()
    }
    start = time.perf_counter()
    self._model = experiment.build_model(config)
    first = {name: array[: config.batch_size] for name, array in drawn.items()}
    self._state = parallel.replicate(beginning.first_state(self._model, config, first), 'jit')
    self._data = parallel.replicate(drawn, 'jit')
    self._step = parallel.data_parallel(self._model.update.apply, 'jit')
    size = (config.steps_per_dispatch, config.batch_size)
    self._batches = [rng.integers(0, _EXAMPLES, size, np.int32) for _ in range(8)]
    self._calls, self._late = 0, None
    parameters = sum(leaf.size for leaf in jax.tree.leaves(self._state.params))
    self._dispatch()
    self._wait()
    return {'parameters': parameters, 'first_step': time.perf_counter() - start}

  def train(self, seconds):
    """Seconds per training step."""
    per_dispatch = worker.seconds_per_call(self._dispatch, seconds, self._wait)
    return {'seconds': per_dispatch / self._config.steps_per_dispatch}

  def memory(self):
    """The most that the process has held, in MiB: libraries, data and compilation with it."""
    return {'memory': worker.peak_memory()}

  def sample(self, num, seconds):
    """Seconds for `num` samples; the first time, also what it took to get the first ones."""
    if not hasattr(self, '_sample'):
      # made beforehand, as PyTorch's generator is
      self._keys = list(jax.random.split(jax.random.key(0), 64))
      self._params = updates.averaged_params(self._state)
      self._sample = jax.jit(self._model.sample, static_argnums=3)
    start = time.perf_counter()
    self._draw(num)
    first = time.perf_counter() - start
    return {'first': first, 'seconds': worker.seconds_per_call(lambda: self._draw(num), seconds)}

  def _draw(self, num):
    jax.block_until_ready(self._sample(self._params, self._state.extra, self._keys[self._calls % 64], num))
    self._calls += 1

  def _dispatch(self):
    # As the training loop does: metrics are read one dispatch late.
    batches = self._batches[self._calls % len(self._batches)]
    self._state, metrics = self._step(self._state, batches, self._data)
    self._calls += 1
    if self._late is not None:
      jax.device_get(self._late)
    self._late = metrics

  def _wait(self):
    jax.block_until_ready(self._state)


def _threads():
  import os

  return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()


if __name__ == '__main__':
  side = Side()
  worker.serve(
    versions=side.versions, build=side.build, train=side.train, sample=side.sample, memory=side.memory
  )
