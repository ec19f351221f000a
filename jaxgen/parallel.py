"""The one place that knows how many devices there are: jit on one, pmap or shard_map on several.

A training step is written for one device and the axis `DATA_AXIS`. Here that axis is bound: to the devices of
every host where there are several, and to an axis of size one where there is a single device, so that the
same step runs everywhere. The state has no replica dimension: it is one value, held by all devices.
"""

import os
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, SingleDeviceSharding
from jax.sharding import PartitionSpec as P

from jaxgen.errors import UserError
from jaxgen.types import DATA_AXIS, PRNGKey, State

# (state, rng, batch) -> (state, metrics), as `Update.apply`
Step = Callable[[State, PRNGKey, Any], tuple[State, Any]]


def start() -> None:
  """Joins the other hosts of a run, where there are any. Call it before a device is touched.

  On TPU pods and under Slurm or Open MPI jax finds the others by itself; elsewhere the environment names
  them: `JAXGEN_COORDINATOR=host:port`, `JAXGEN_NUM_PROCESSES` and `JAXGEN_PROCESS_ID`.

  Raises:
    UserError: if these do not fit together, or jax finds no device of the kind that `JAX_PLATFORMS` names.
  """
  coordinator = os.environ.get('JAXGEN_COORDINATOR')
  if coordinator:
    jax.distributed.initialize(coordinator, *_place_among_processes(coordinator))
  elif any(
    name in os.environ for name in ('TPU_WORKER_HOSTNAMES', 'SLURM_JOB_NUM_NODES', 'OMPI_MCA_orte_hnp_uri')
  ):
    jax.distributed.initialize()
  try:
    jax.devices()
  except (RuntimeError, AssertionError) as error:  # an assertion where no plugin knows the platform
    reason = str(error).strip().partition('\n')[0].partition(' (set JAX_PLATFORMS')[0]
    platforms = os.environ.get('JAX_PLATFORMS', '')
    remedy = 'unset JAX_PLATFORMS, or set it to cpu' if platforms else 'check its installation'
    raise UserError(
      f'jax finds no device {platforms}: {reason or "it has no plugin for it"}; {remedy}.'
    ) from None


def _place_among_processes(coordinator):
  """How many processes there are, and which of them this one is."""
  found = [os.environ.get(name, '') for name in ('JAXGEN_NUM_PROCESSES', 'JAXGEN_PROCESS_ID')]
  host, _, port = coordinator.rpartition(':')
  if host and all(text.isascii() and text.isdigit() for text in (port, *found)):
    count, index = map(int, found)
    if index < count:
      return count, index
  raise UserError(
    f'JAXGEN_COORDINATOR={coordinator} (host:port) needs JAXGEN_NUM_PROCESSES, a number from 1, and '
    f'JAXGEN_PROCESS_ID, a number from 0 below it, not "{found[0]}" and "{found[1]}"; set all three, or none.'
  )


def backend(config, devices=None) -> str:
  """'jit' on one device, else what `config.parallel` names.

  Raises:
    UserError: if that is neither 'pmap' nor 'shard_map', or if the devices do not divide `config.batch_size`.
  """
  count = len(devices or jax.devices())
  if config.parallel not in ('pmap', 'shard_map'):
    raise UserError(f'config.parallel is "{config.parallel}"; it must be pmap or shard_map.')
  if config.batch_size % count:
    near = max(1, round(config.batch_size / count)) * count
    raise UserError(
      f'config.batch_size={config.batch_size} cannot be divided by {count} devices; try --config.batch_size={near}.'
    )
  return 'jit' if count == 1 else config.parallel


def data_parallel(step: Step, backend: str = 'pmap', devices=None) -> 'Dispatcher':
  """Turns a step for one device into one program over all of them.

  The key of a step is `fold_in(fold_in(state.rng, state.step), device index)`; `state.rng` stays as it is.

  Args:
    step: `(state, rng, batch) -> (state, metrics)`; its gradients, `extra` and metrics are already averaged over
      `DATA_AXIS`.
    backend: 'jit', 'pmap' or 'shard_map'.
    devices: the devices to use, all of them by default.

  Returns:
    A function `(state, batches, resident) -> (state, metrics)`. The leaves of `batches` are `[K, B, ...]`: K
    consecutive batches of this process, which one dispatch takes K steps on; the metrics come back stacked, `[K]`.
    Where `resident` is a pytree of whole arrays `[N, ...]` on the devices, `batches` are `i32[K, B]` indices into them.
    The given state is donated: it must not be used again.
  """
  devices = tuple(devices or jax.devices())
  return _BACKENDS[backend](step, devices)


def replicate(tree: Any, backend: str, devices=None) -> Any:
  """Copies the same arrays to every device, in the layout that `data_parallel` takes as it is."""
  where = _everywhere(backend, devices)
  # The state is donated later: it must not share memory with the arrays that are given here.
  return jax.jit(lambda tree: jax.tree.map(jnp.copy, tree), out_shardings=where)(tree)


def replicated_shapes(tree: Any, backend: str, devices=None) -> Any:
  """The shapes of what `replicate` makes of arrays of such shapes, `jax.ShapeDtypeStruct`s."""
  where = _everywhere(backend, devices)
  return jax.tree.map(lambda leaf: leaf.update(sharding=where), tree)


def on_this_host(tree: Any) -> Any:
  """The same arrays as this host can use alone; they are replicated, so that nothing travels."""
  if jax.process_count() == 1:
    return tree
  return jax.tree.map(lambda leaf: leaf.addressable_data(0), tree)


def on_every_host(tree: Any) -> Any:
  """The same arrays as all hosts can save together: with several hosts, what pmap returns is known to one alone."""
  if jax.process_count() == 1:
    return tree
  return jax.device_put(
    jax.tree.map(np.asarray, on_this_host(tree)), NamedSharding(_mesh(jax.devices()), P())
  )


def split_over_devices(tree: Any) -> Any:
  """Splits leading axes over the devices, where these divide them.

  Evaluation is a plain jitted function, which XLA then partitions. With several hosts the first one evaluates alone.
  """
  devices = jax.devices()
  sizes = {leaf.shape[0] for leaf in jax.tree.leaves(tree)}
  if len(devices) == 1 or jax.process_count() > 1 or any(size % len(devices) for size in sizes):
    return tree
  return jax.device_put(tree, NamedSharding(_mesh(devices), P(DATA_AXIS)))


def on_all_devices(tree: Any) -> Any:
  """A copy on each device, as what `split_over_devices` gives needs beside it."""
  if jax.device_count() == 1 or jax.process_count() > 1:
    return tree
  return jax.device_put(tree, NamedSharding(_mesh(jax.devices()), P()))


def _steps(step: Step) -> Callable[..., tuple[State, Any]]:
  """K steps on one device; a single one stays outside a loop, where XLA optimizes most."""

  def one(state, batch, resident, device):
    rng = jax.random.wrap_key_data(state.rng)
    rng = jax.random.fold_in(jax.random.fold_in(rng, state.step), device)
    if resident is not None:
      batch = jax.tree.map(lambda array: array[batch], resident)
    state, metrics = step(state, rng, batch)
    return state._replace(step=state.step + 1), metrics

  def steps(state, batches, resident, device):
    if jax.tree.leaves(batches)[0].shape[0] == 1:
      state, metrics = one(state, jax.tree.map(lambda leaf: leaf[0], batches), resident, device)
      return state, jax.tree.map(lambda leaf: leaf[None], metrics)
    return lax.scan(lambda state, batch: one(state, batch, resident, device), state, batches)

  return steps


def _jit(step, devices):
  del devices
  steps = _steps(step)

  def on_axis_of_one(state, batches, resident):
    return steps(state, batches, resident, 0)

  # Mapping nothing over an axis of size one only gives the axis its name; the program stays the same.
  mapped = jax.vmap(on_axis_of_one, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
  return Dispatcher(jax.jit(mapped, donate_argnums=0), lambda batches: batches)


def _pmap(step, devices):
  steps = _steps(step)
  local = [device for device in devices if device.process_index == jax.process_index()]

  def on_axis(state, batches, resident):
    return steps(state, batches, resident, lax.axis_index(DATA_AXIS))

  mapped = jax.pmap(
    on_axis,
    axis_name=DATA_AXIS,
    in_axes=(None, 1, None),
    out_axes=None,
    devices=devices if jax.process_count() == 1 else None,
    donate_argnums=0,
  )

  def split(leaf):
    return leaf.reshape(leaf.shape[0], len(local), -1, *leaf.shape[2:])

  return Dispatcher(mapped, lambda batches: jax.tree.map(split, batches))


def _shard_map(step, devices):
  steps = _steps(step)
  sharding = NamedSharding(_mesh(devices), P(None, DATA_AXIS))

  def on_axis(state, batches, resident):
    return steps(state, batches, resident, lax.axis_index(DATA_AXIS))

  # Without check_vma=False the gradient of replicated parameters is summed before our own pmean.
  mapped = jax.shard_map(
    on_axis,
    mesh=_mesh(devices),
    in_specs=(P(), P(None, DATA_AXIS), P()),
    out_specs=P(),
    check_vma=False,
  )

  def place(leaf):
    return jax.make_array_from_process_local_data(sharding, np.asarray(leaf))

  return Dispatcher(jax.jit(mapped, donate_argnums=0), lambda batches: jax.tree.map(place, batches))


class Dispatcher:
  """A program and what its batches go through first, `(state, batches, resident) -> (state, metrics)`."""

  def __init__(self, program: Any, place: Callable[[Any], Any]):
    """`place` lays out the batches of this process as the program takes them."""
    self._program, self._place, self._compiled = program, place, {}

  def __call__(self, state: State, batches: Any, resident: Any) -> tuple[State, Any]:
    placed = self._place(batches)
    return self._compiled.get(_shapes_and_types(placed), self._program)(state, placed, resident)

  def check(self, state: State, batches: Any, resident: Any) -> None:
    """Traces the program, which finds shapes and types that do not fit; nothing is compiled."""
    jax.eval_shape(self._program, state, self._place(batches), resident)

  def lower(self, state: State, batches: Any, resident: Any) -> Any:
    """The program before XLA: `jax.stages.Lowered`."""
    return self._program.lower(state, self._place(batches), resident)

  def compile(self, state: State, batches: Any, resident: Any) -> Any:
    """The program compiled for these shapes, `jax.stages.Compiled`: calls with batches of such shapes run it."""
    compiled = self.lower(state, batches, resident).compile()
    self._compiled[_shapes_and_types(self._place(batches))] = compiled
    return compiled

  def is_compiled(self, batches: Any) -> bool:
    """Whether `compile` has been called with batches of these shapes and types."""
    return _shapes_and_types(self._place(batches)) in self._compiled


def _shapes_and_types(tree):
  return tuple((leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(tree))


def _everywhere(backend, devices):
  devices = tuple(devices or jax.devices())
  return SingleDeviceSharding(devices[0]) if backend == 'jit' else NamedSharding(_mesh(devices), P())


def _mesh(devices):
  return Mesh(np.asarray(devices), (DATA_AXIS,))


_BACKENDS = {'jit': _jit, 'pmap': _pmap, 'shard_map': _shard_map}


def initial_state(params, extra, opt, rng) -> State:
  """The state at step 0; `rng` is a typed key, kept as its data so that a checkpoint holds plain arrays."""
  return State(jnp.zeros((), jnp.int32), params, extra, opt, jax.random.key_data(rng))
