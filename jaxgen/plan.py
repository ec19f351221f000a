"""A dry run: what one training step costs on this machine, before anyone spends the hours."""

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxgen import config as configs
from jaxgen import data, experiment, flops, parallel
from jaxgen.errors import UserError
from jaxgen.runs.writers import duration
from jaxgen.types import GenerativeModel

_TIMED_SECONDS = 5.0  # that steps are taken for, and that one dispatch may be expected to take
_PRODUCT = 2048  # rows of the matrices whose product tells how fast a device computes


def plan(config: ConfigDict) -> dict[str, float]:
  """Compiles one dispatch, times a few, and prints the bill. No example is read and nothing is written.

  What a step costs depends on no value, so that the program runs on zeros. Where a step is expected to take longer
  than a few seconds none is taken, and its time is estimated: its FLOPs at the speed of a matrix product.

  Args:
    config: as a file in `configs/` gives it. Its data set need not be there if it is one of `jaxgen.data.usual`.

  Returns:
    `parameters`, `peak_bytes` (of one device: arguments, results and temporaries of the program),
    `flops` (of one step over all devices, as `jaxgen.flops.count` counts them),
    `compile_seconds`, `steps_per_second`, `is_estimate` (whether that is no measurement), and `hours` (to `num_steps`).

  Raises:
    UserError: if the config, the data or the devices do not fit.
  """
  configs.check(config)
  source, is_assumed = _training_set(config)
  config = data.resolved(config, source.spec)
  backend, model = parallel.backend(config), experiment.build_model(config)
  state = experiment.first_shapes(model, config)
  bill: dict[str, float] = {'parameters': sum(leaf.size for leaf in jax.tree.leaves(state.params))}
  _report_before(config, source, is_assumed, model, backend, bill)

  bill['flops'] = _flops(config, source, model, state)
  expected = bill['flops'] / _flops_per_second()
  size = min(config.steps_per_dispatch, config.num_steps, max(1, int(_TIMED_SECONDS / expected)))
  batches, resident = _blank_batches(config, source, size)
  start = time.perf_counter()
  step_fn = parallel.data_parallel(model.update.apply, backend)
  compiled = step_fn.compile(state, batches, resident)
  bill['compile_seconds'] = time.perf_counter() - start
  bill['peak_bytes'] = peak_bytes(compiled)

  bill['is_estimate'] = expected > _TIMED_SECONDS
  seconds = expected if bill['is_estimate'] else _time(step_fn, state, batches, resident, backend) / size
  bill['steps_per_second'] = 1 / seconds
  bill['hours'] = config.num_steps * seconds / 3600
  _report_after(config, source, bill)
  return bill


def peak_bytes(compiled: jax.stages.Compiled) -> int:
  """The memory a program takes on one device: arguments, results and temporaries."""
  memory: Any = compiled.memory_analysis()
  # Results that overwrite their arguments are counted once.
  return (
    memory.argument_size_in_bytes
    + memory.output_size_in_bytes
    + memory.temp_size_in_bytes
    - memory.alias_size_in_bytes
  )


def _training_set(config):
  """The training set, and whether it is only assumed, because it is a usual one that is not on this machine."""
  try:
    return data.load(config.data, 'train'), False
  except UserError:
    source = data.usual.training_set(config.data)
    if source is None:
      raise
    return source, True


def _blank_batches(config, source, size):
  """What the loop gives to a dispatch of `size` steps, all zeros: batches of this process, and what is resident."""
  share = config.batch_size // jax.process_count()
  if source.nbytes > data.RESIDENT_BYTES:
    return data.blank(source.spec, size, share), None
  return np.zeros((size, share), np.int32), data.blank(source.spec, len(source))


def _flops(config, source, model, state):
  """Of one step as one device would take it: the whole batch of this process, times the processes."""
  one_step = parallel.data_parallel(model.update.apply, 'jit')
  return flops.count(one_step, state, *_blank_batches(config, source, 1)) * jax.process_count()


def _flops_per_second() -> float:
  """What the devices reach together in a product of matrices, f32[_PRODUCT, _PRODUCT]."""
  matrix = jnp.ones((_PRODUCT, _PRODUCT))
  product = jax.jit(jnp.matmul)
  product(matrix, matrix).block_until_ready()
  times = []
  for _ in range(3):
    start = time.perf_counter()
    product(matrix, matrix).block_until_ready()
    times.append(time.perf_counter() - start)
  return jax.device_count() * 2 * _PRODUCT**3 / min(times)


def _time(step_fn, shapes, batches, resident, backend):
  """Seconds of a dispatch: the median of as many as fit, the first one left out where there are others."""
  state = parallel.replicate(jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes), backend)
  resident = None if resident is None else parallel.replicate(resident, backend)
  times, start = [], time.perf_counter()
  while not times or (time.perf_counter() - start < _TIMED_SECONDS and len(times) < 200):
    begin = time.perf_counter()
    state, metrics = step_fn(state, batches, resident)
    jax.block_until_ready(metrics)
    times.append(time.perf_counter() - begin)
  return float(np.median(times[1:] or times))


def _report_before(config, source, is_assumed, model: GenerativeModel, backend, bill):
  shape = 'x'.join(map(str, source.spec.shape))
  where = '; assumed, since the set is not on this machine' if is_assumed else ''
  print(f'model         {config.module}: {model.objective}')
  print(f'data          {source.name}: {len(source):,} examples of {shape}{where}')
  print(f'devices       {jax.device_count()} x {jax.devices()[0].device_kind} ({backend})')
  print(f'parameters    {bill["parameters"]:,}')
  print('              compiling a step; the largest models take half a minute on two CPU cores', flush=True)


def _report_after(config, source, bill):
  gflop, speed = bill['flops'] / 1e9, bill['steps_per_second']
  print(f'compile       {bill["compile_seconds"]:.1f} s')
  print(f'peak memory   {bill["peak_bytes"] / 2**20:,.0f} MiB on a device')
  if bill['is_estimate']:
    print(f'compute       {gflop:,.3f} GFLOP a step')
    print(
      '              no step was taken, each would be too long: what follows is an estimate, by the speed'
    )
    print('              of a matrix product here; expect real steps to take longer, up to several times')
  else:
    print(f'compute       {gflop:,.3f} GFLOP a step, {gflop * speed:,.1f} GFLOP/s')
  about = 'about ' if bill['is_estimate'] else ''
  print(f'speed         {about}{speed:,.2f} steps/s, {speed * config.batch_size:,.0f} examples/s')
  epochs = config.num_steps * config.batch_size / len(source)
  left = f'{about}{duration(bill["hours"] * 3600)} for {config.num_steps:,} steps'
  print(f'to the end    {left} ({epochs:,.1f} epochs), evaluation and pictures not counted')
