"""A dry run: what one training step costs on this machine, before anyone spends the hours."""

import time

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgen import config as configs
from jaxgen import data, flops, parallel
from jaxgen.train import dispatches, first_state, prepare
from jaxgen.writers import duration

_TIMED_SECONDS = 5.0


def plan(config: ConfigDict) -> dict[str, float]:
  """Compiles one dispatch, times a few, and prints the bill. Nothing is written.

  Args:
    config: as a file in `configs/` gives it.

  Returns:
    `parameters`, `peak_bytes` (of one device: arguments, results and temporaries of the program),
    `flops` (of one step over all devices, as `jaxgen.flops.count` counts them),
    `compile_seconds`, `steps_per_second`, and `hours` (to `num_steps`).

  Raises:
    UserError: if the config, the data or the devices do not fit.
  """
  configs.check(config)
  config = data.resolve(config)
  setting = prepare(config, '')
  size = min(config.steps_per_dispatch, config.num_steps)
  state = first_state(setting)
  step_fn = parallel.data_parallel(setting.model.update.apply, setting.backend)
  feed = dispatches(setting, 0, 10**9)
  batches = next(feed).batches

  start = time.perf_counter()
  step_fn, compiled = step_fn.compile(state, batches, setting.resident)
  compile_seconds = time.perf_counter() - start

  bill = {
    'parameters': sum(leaf.size for leaf in jax.tree.leaves(state.params)),
    'peak_bytes': peak_bytes(compiled),
    'flops': _flops(setting, state, batches),
    'compile_seconds': compile_seconds,
    'steps_per_second': _time(step_fn, state, setting, feed, size),
  }
  bill['hours'] = config.num_steps / bill['steps_per_second'] / 3600
  _report(config, setting, bill)
  return bill


def _flops(setting, state, batches):
  """Of one step as one device would take it: the whole batch of this process, times the processes."""
  one_step = parallel.data_parallel(setting.model.update.apply, 'jit')
  batch = jax.tree.map(lambda leaf: leaf[:1], batches)
  return flops.count(one_step, state, batch, setting.resident) * jax.process_count()


def peak_bytes(compiled: jax.stages.Compiled) -> int:
  """The memory a program takes on one device: arguments, results and temporaries."""
  memory = compiled.memory_analysis()
  # Results that overwrite their arguments are counted once.
  return (
    memory.argument_size_in_bytes
    + memory.output_size_in_bytes
    + memory.temp_size_in_bytes
    - memory.alias_size_in_bytes
  )


def _time(step_fn, state, setting, feed, size):
  """Steps per second, the first dispatch left out."""
  state, metrics = step_fn(state, next(feed).batches, setting.resident)
  jax.block_until_ready(metrics)
  times, start = [], time.perf_counter()
  while len(times) < 3 or (time.perf_counter() - start < _TIMED_SECONDS and len(times) < 200):
    batches, begin = next(feed).batches, time.perf_counter()
    state, metrics = step_fn(state, batches, setting.resident)
    jax.block_until_ready(metrics)
    times.append(time.perf_counter() - begin)
  return size / float(np.median(times))


def _report(config, setting, bill):
  gflop = bill['flops'] / 1e9
  print(f'model         {config.module}: {setting.model.objective}')
  print(f'data          {setting.source.name}: {len(setting.source):,} examples')
  print(f'devices       {jax.device_count()} x {jax.devices()[0].device_kind} ({setting.backend})')
  print(f'parameters    {bill["parameters"]:,}')
  print(f'peak memory   {bill["peak_bytes"] / 2**20:,.0f} MiB on a device')
  print(f'compute       {gflop:,.3f} GFLOP a step, {gflop * bill["steps_per_second"]:,.1f} GFLOP/s')
  print(f'compile       {bill["compile_seconds"]:.1f} s')
  speed = bill['steps_per_second']
  print(f'speed         {speed:,.2f} steps/s, {speed * config.batch_size:,.0f} examples/s')
  epochs = config.num_steps * config.batch_size / len(setting.source)
  left = duration(bill['hours'] * 3600)
  print(
    f'to the end    {left} for {config.num_steps:,} steps ({epochs:,.1f} epochs), evaluation and pictures not counted'
  )
