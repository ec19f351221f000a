"""A dry run: what one training step costs on this machine, before anyone spends the hours."""

import math
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxgen import beginning, data, experiment, fields, parallel, programs
from jaxgen import config as configs
from jaxgen.errors import UserError
from jaxgen.runs.writers import duration
from jaxgen.types import GenerativeModel

_TIMED_SECONDS = 5.0  # that steps are taken for, and that one dispatch may be expected to take
_AS_IT_IS = 'as it is'
_SLICES = 4  # of a batch, to see what they save
_PRODUCT = 2048  # rows of the matrices whose product tells how fast a device computes


def plan(config: ConfigDict, trust: bool = False, savings: bool = False) -> dict[str, float]:
  """Compiles one dispatch, times a few, and prints the bill. No example is read and nothing is written.

  What a step costs depends on no value, so that the program runs on zeros. Where a step is expected to take longer
  than a few seconds none is taken, and its time is estimated: its FLOPs at the speed of a matrix product.

  Args:
    config: as a file in `configs/` gives it. Its data set need not be there if it is one of `jaxgen.data.usual`.
    trust: see `jaxgen.experiment.load_stages`.
    savings: whether to compile the step once more for each setting that might save memory, and say what it does.

  Returns:
    `parameters`, `peak_bytes` (of one device: arguments, results and temporaries of the program), `state_bytes` (of
    these what one device holds between two steps: parameters, what the optimizer keeps, averages),
    `flops` (of one step over all devices, as `jaxgen.programs.flops` counts them),
    `compile_seconds`, `steps_per_second`, `is_estimate` (whether that is no measurement), and `hours` (to `num_steps`).
    With `savings` also the `peak_bytes` of the same step under each setting that might save some, by its text.

  Raises:
    UserError: if the config, the data or the devices do not fit.
  """
  configs.check(config)
  source, is_assumed = _training_set(config)
  config = data.resolved(config, source.spec, source.columns, source.end)
  backend = parallel.backend(config)
  model = experiment.build_model(config, experiment.load_stages(config, trust=trust))
  state = parallel.shapes(beginning.first_shapes(model, config), backend)
  bill: dict[str, float] = {'parameters': sum(leaf.size for leaf in jax.tree.leaves(state.params))}
  _report_before(config, source, is_assumed, model, backend, bill)

  bill['flops'] = _flops(config, source, model, state)
  expected = bill['flops'] / _flops_per_second()
  size = min(config.steps_per_dispatch, config.num_steps, max(1, int(_TIMED_SECONDS / expected)))
  batches, resident = _blank_batches(config, source, size)
  resident = None if resident is None else parallel.replicate(resident, backend)
  step_fn = parallel.data_parallel(model.update.apply, backend)
  start = time.perf_counter()
  compiled = step_fn.compile(state, batches, resident)
  bill['compile_seconds'] = time.perf_counter() - start
  bill['peak_bytes'], bill['state_bytes'] = peak_bytes(compiled), _bytes_on_a_device(state)

  bill['is_estimate'] = expected > _TIMED_SECONDS
  seconds = expected if bill['is_estimate'] else _time(step_fn, state, batches, resident, backend) / size
  bill['steps_per_second'] = 1 / seconds
  bill['hours'] = config.num_steps * seconds / 3600
  _report_after(config, source, bill)
  return bill | (_savings(config, source, trust) if savings else {})


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


def _bytes_on_a_device(state):
  parts = [(leaf.sharding.shard_shape(leaf.shape), leaf.dtype.itemsize) for leaf in jax.tree.leaves(state)]
  return sum(math.prod(shape) * size for shape, size in parts)


def _savings(config, source, trust):
  """The peak memory of a step, alone in its program, under settings that leave what it computes about as it is."""
  found = {}
  for name, changes in _alternatives(config).items():
    changed = config.copy_and_resolve_references()
    changed.update(changes)
    backend = parallel.backend(changed)
    model = experiment.build_model(changed, experiment.load_stages(changed, trust=trust))
    state = parallel.shapes(beginning.first_shapes(model, changed), backend)
    batches, resident = _blank_batches(changed, source, 1)
    resident = None if resident is None else parallel.replicate(resident, backend)
    compiled = parallel.data_parallel(model.update.apply, backend).compile(state, batches, resident)
    found[name] = peak_bytes(compiled)
    saved = found[name] / found[_AS_IT_IS] - 1
    print(f'  {name:30} {found[name] / 2**20:8,.1f} MiB, {saved:+.0%}', flush=True)
  return found


def _alternatives(config):
  alternatives: dict[str, dict[str, Any]] = {_AS_IT_IS: {}, 'remat=True': {'remat': True}}
  alternatives['dtype=bfloat16'] = {'dtype': 'bfloat16'}
  if config.batch_size % (_SLICES * jax.device_count()) == 0:
    size, slices = config.batch_size // _SLICES, config.accumulate * _SLICES
    alternatives[f'batch_size={size} accumulate={slices}'] = {'batch_size': size, 'accumulate': slices}
  if jax.device_count() > 1:
    alternatives['parallel=fsdp'] = {'parallel': 'fsdp'}
  return alternatives


def _training_set(config):
  """The training set, and whether it is only assumed, because it is a usual one that is not on this machine."""
  try:
    return data.training_set(config.data), False
  except UserError:
    source = data.usual.training_set(config.data)
    if source is None:
      raise
    return source, True


def _blank_batches(config, source, size):
  """What the loop gives to a dispatch of `size` steps, all zeros: batches of this process, and what is resident."""
  share = beginning.step_size(config) // jax.process_count()
  if source.nbytes > data.RESIDENT_BYTES:
    return fields.blank(source.spec, size, share), None
  indices = jax.tree.map(lambda index: np.zeros((size, share), index.dtype), source.indices(0, 0, 1))
  return indices, {name: np.zeros(shape, dtype) for name, (shape, dtype) in source.layout().items()}


def _flops(config, source, model, state):
  """Of one step as one device would take it: the whole batch of this process, times the processes."""
  one_step = parallel.data_parallel(model.update.apply, 'jit')
  return programs.flops(one_step, state, *_blank_batches(config, source, 1)) * jax.process_count()


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
  state = parallel.place(jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes), backend)
  times, start = [], time.perf_counter()
  while not times or (time.perf_counter() - start < _TIMED_SECONDS and len(times) < 200):
    begin = time.perf_counter()
    state, metrics = step_fn(state, batches, resident)
    jax.block_until_ready(metrics)
    times.append(time.perf_counter() - begin)
  return float(np.median(times[1:] or times))


def _report_before(config, source, is_assumed, model: GenerativeModel, backend, bill):
  shape = 'x'.join(map(str, source.spec['x'].shape))
  where = '; assumed, since the set is not on this machine' if is_assumed else ''
  print(f'model         {config.module}: {model.objective}')
  print(f'data          {source.name}: {len(source):,} examples of {shape}{where}')
  print(f'devices       {jax.device_count()} x {jax.devices()[0].device_kind} ({backend})')
  print(f'parameters    {bill["parameters"]:,}')
  print('              compiling a step; the largest models take half a minute on two CPU cores', flush=True)


def _report_after(config, source, bill):
  gflop, speed = bill['flops'] / 1e9, bill['steps_per_second']
  print(f'compile       {bill["compile_seconds"]:.1f} s')
  peak, kept = (bill[name] / 2**20 for name in ('peak_bytes', 'state_bytes'))
  print(f'peak memory   {peak:,.0f} MiB on a device, {kept:,.0f} of them between steps')
  if bill['is_estimate']:
    print(f'compute       {gflop:,.3f} GFLOP a step')
    print(
      '              no step was taken, each would be too long: what follows is an estimate, by the speed'
    )
    print('              of a matrix product here; expect real steps to take longer, up to several times')
  else:
    print(f'compute       {gflop:,.3f} GFLOP a step, {gflop * speed:,.1f} GFLOP/s')
  about = 'about ' if bill['is_estimate'] else ''
  print(f'speed         {about}{speed:,.2f} steps/s, {speed * beginning.step_size(config):,.0f} examples/s')
  epochs = config.num_steps * beginning.step_size(config) / len(source)
  left = f'{about}{duration(bill["hours"] * 3600)} for {config.num_steps:,} steps'
  print(f'to the end    {left} ({epochs:,.1f} epochs), evaluation and pictures not counted')
