"""Where arrays lie: whole on one device, whole on each of them, or in equal parts."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, Sharding, SingleDeviceSharding
from jax.sharding import PartitionSpec as P

from jaxgen.types import DATA_AXIS


def mesh(devices: tuple | None = None) -> Mesh:
  """The devices, all by default, in a row."""
  return Mesh(np.asarray(devices or jax.devices()), (DATA_AXIS,))


def whole(devices: tuple | None = None) -> NamedSharding:
  """The whole array on each device."""
  return NamedSharding(mesh(devices), P())


def in_parts(leaf: Any, devices: tuple | None = None) -> NamedSharding:
  """An equal part of one parameter, or of what belongs to it, on each device.

  It is cut along its largest axis that the devices divide. Where they divide none, and where numbers are no floats
  (keys, counters), each device holds the whole.
  """
  count = len(devices or jax.devices())
  axes = [axis for axis, size in enumerate(leaf.shape) if size and size % count == 0]
  if not axes or not jnp.issubdtype(leaf.dtype, jnp.floating):
    return whole(devices)
  largest = max(axes, key=lambda axis: leaf.shape[axis])
  return NamedSharding(mesh(devices), P(*[None] * largest, DATA_AXIS))


def examples(size: int, devices: tuple | None = None) -> NamedSharding:
  """An equal number of `size` examples on each device, where that is possible; all of them on each elsewhere."""
  even = size % len(devices or jax.devices()) == 0
  return NamedSharding(mesh(devices), P(DATA_AXIS) if even else P())


def of_state(tree: Any, backend: str, devices: tuple | None = None) -> Any:
  """How `data_parallel` takes a state, or a part of one: a `Sharding` for each leaf."""

  def sharding(leaf) -> Sharding:
    if backend == 'jit':
      return SingleDeviceSharding((devices or jax.devices())[0])
    return in_parts(leaf, devices) if backend == 'fsdp' else whole(devices)

  return jax.tree.map(sharding, tree)


def place(state: Any, backend: str, devices: tuple | None = None) -> Any:
  """A copy of a state, laid out as `data_parallel` takes it."""
  return _copied(state, of_state(state, backend, devices))


def shapes(state: Any, backend: str, devices: tuple | None = None) -> Any:
  """The shapes of a state with their layout, `jax.ShapeDtypeStruct`s: what a checkpoint is restored as."""
  return jax.tree.map(
    lambda leaf, where: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=where),
    state,
    of_state(state, backend, devices),
  )


def replicate(tree: Any, backend: str, devices: tuple | None = None) -> Any:
  """The same arrays whole on every device: a training set, of which `data_parallel` picks examples."""
  devices = tuple(devices or jax.devices())
  return _copied(tree, SingleDeviceSharding(devices[0]) if backend == 'jit' else whole(devices))


def _copied(tree, where):
  # A state is donated later: it must not share memory with the arrays that are given here.
  return jax.jit(lambda tree: jax.tree.map(jnp.copy, tree), out_shardings=where)(tree)


def on_host(tree: Any) -> Any:
  """The whole of each array, in the memory of each host; all hosts ask together."""

  def gathered(leaf):
    if not isinstance(leaf, jax.Array) or leaf.is_fully_addressable:
      return np.asarray(leaf)
    if leaf.is_fully_replicated:
      return np.asarray(leaf.addressable_data(0))
    return multihost_utils.process_allgather(leaf, tiled=True)

  return jax.tree.map(gathered, tree)


def on_every_host(tree: Any) -> Any:
  """The same arrays as all hosts know them together: of what pmap returns, with several hosts, each knows its own."""
  if jax.process_count() == 1:
    return tree
  return jax.tree.map(
    lambda leaf: jax.device_put(np.asarray(leaf), whole()) if leaf.is_fully_addressable else leaf, tree
  )


def on_all_devices(tree: Any) -> Any:
  """Weights as `shared_work` takes them: what lies on all devices stays as it lies, in parts or whole."""
  if jax.device_count() == 1:
    return tree
  everywhere = set(jax.devices())

  def moved(leaf):
    if isinstance(leaf, jax.Array) and leaf.sharding.device_set == everywhere:
      return leaf
    return jax.device_put(np.asarray(leaf), whole())

  return jax.tree.map(moved, tree)


def split_over_devices(batch: Any) -> Any:
  """A batch, the same on all hosts, as `shared_work` takes it: in equal parts where the devices divide it."""
  if jax.device_count() == 1:
    return batch

  def split(leaf):
    leaf = np.asarray(leaf)
    return jax.make_array_from_callback(leaf.shape, examples(len(leaf)), lambda place: leaf[place])

  return jax.tree.map(split, batch)


def shared_work(function: Callable[..., Any], static_argnums: tuple[int, ...] = ()) -> Callable[..., Any]:
  """`jax.jit(function)` whose work all devices of all hosts share: evaluation, and the drawing of samples.

  The leaves of what it returns are `[B, ...]`. XLA lets each device compute an equal part of them, where the devices
  divide B; every host then has them whole.
  """
  if jax.device_count() == 1:
    return jax.jit(function, static_argnums=static_argnums)

  def split(*args):
    results = function(*args)
    return jax.tree.map(lambda leaf: lax.with_sharding_constraint(leaf, examples(len(leaf))), results)

  return jax.jit(split, static_argnums=static_argnums, out_shardings=whole())
