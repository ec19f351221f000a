"""A training step as one program over all devices.

'jit' on one device. On several, 'pmap' and 'shard_map' run the step on each, with a part of the batch and the whole
state; with 'fsdp' the step is that of one device, which XLA divides: each device holds a part of the batch and of
the state, and what it computes with is gathered when it is needed (Rajbhandari et al., "ZeRO: Memory optimizations
toward training trillion parameter models", 2020, stage 3). Noise is then drawn, and batch statistics are taken, over
the whole batch, as on one device.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P
from ml_collections import ConfigDict

from jaxgen.errors import UserError
from jaxgen.parallel import layout
from jaxgen.types import DATA_AXIS, Extra, OptState, Params, PRNGKey, State

# on several devices
PROGRAMS = ('pmap', 'shard_map', 'fsdp')
# (state, rng, batch) -> (state, metrics), as `Update.apply`
Step = Callable[[State, PRNGKey, Any], tuple[State, Any]]


def backend(config: ConfigDict, devices: Sequence[Any] | None = None) -> str:
  """'jit' on one device, else what `config.parallel` names.

  Raises:
    UserError: if there is no such program, or if the devices do not divide `config.batch_size`.
  """
  count = len(devices or jax.devices())
  if config.parallel not in PROGRAMS:
    raise UserError(f'config.parallel is "{config.parallel}"; it must be {" or ".join(PROGRAMS)}.')
  if config.batch_size % count:
    near = max(1, round(config.batch_size / count)) * count
    raise UserError(
      f'config.batch_size={config.batch_size} cannot be divided by {count} devices; try --config.batch_size={near}.'
    )
  return 'jit' if count == 1 else config.parallel


def data_parallel(step: Step, backend: str = 'pmap', devices: Sequence[Any] | None = None) -> 'Dispatcher':
  """Turns a step for one device into one program over all of them.

  The key of a step is `fold_in(fold_in(state.rng, state.step), device index)`; `state.rng` stays as it is.

  Args:
    step: `(state, rng, batch) -> (state, metrics)`; its gradients, `extra` and metrics are already averaged over
      `DATA_AXIS`.
    backend: 'jit', 'pmap', 'shard_map' or 'fsdp'.
    devices: the devices to use, all of them by default.

  Returns:
    A function `(state, batches, resident) -> (state, metrics)`. The leaves of `batches` are `[K, B, ...]`: K
    consecutive batches of this process, which one dispatch takes K steps on; the metrics come back stacked, `[K]`.
    Where `resident` is a pytree of whole arrays `[N, ...]` on the devices, `batches` are `i32[K, B]` indices into them,
    one for all or a mapping with one for each.
    The given state is donated: it must not be used again.
  """
  devices = tuple(devices or jax.devices())
  return _BACKENDS[backend](step, devices)


def _steps(step: Step) -> Callable[..., tuple[State, Any]]:
  """K steps on one device; a single one stays outside a loop, where XLA optimizes most."""

  def one(state, batch, resident, device):
    rng = jax.random.wrap_key_data(state.rng)
    rng = jax.random.fold_in(jax.random.fold_in(rng, state.step), device)
    if resident is not None:
      batch = _picked(resident, batch)
    state, metrics = step(state, rng, batch)
    return state._replace(step=state.step + 1), metrics

  def steps(state, batches, resident, device):
    if jax.tree.leaves(batches)[0].shape[0] == 1:
      state, metrics = one(state, jax.tree.map(lambda leaf: leaf[0], batches), resident, device)
      return state, jax.tree.map(lambda leaf: leaf[None], metrics)
    return lax.scan(lambda state, batch: one(state, batch, resident, device), state, batches)

  return steps


def _picked(resident, indices):
  """Examples of whole arrays, where `indices` is a prefix of their tree: one index for all fields, or one for each."""
  return jax.tree.map(
    lambda index, arrays: jax.tree.map(lambda array: array[index], arrays), indices, resident
  )


def _jit(step, devices):
  del devices
  return Dispatcher(jax.jit(_on_axis_of_one(_steps(step)), donate_argnums=0), lambda batches: batches)


def _on_axis_of_one(steps):
  """Mapping nothing over an axis of size one only gives the axis its name; the program stays the same."""

  def on_first_device(state, batches, resident):
    return steps(state, batches, resident, 0)

  return jax.vmap(on_first_device, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)


def _fsdp(step, devices):
  mesh = layout.mesh(devices)
  batch_of_step, batches_of_steps = (NamedSharding(mesh, P(*lead, DATA_AXIS)) for lead in ((), (None,)))

  def on_parts(state, rng, batch):
    # Said of every step, so that within a dispatch too examples and state lie in parts.
    batch = lax.with_sharding_constraint(batch, batch_of_step)
    # Layers compute with whole parameters: left to itself, XLA would follow their parts through each reshape.
    params = lax.with_sharding_constraint(state.params, layout.whole(devices))
    state, metrics = step(state._replace(params=params), rng, batch)
    state = lax.with_sharding_constraint(state, layout.of_state(state, 'fsdp', devices))
    return state, lax.with_sharding_constraint(metrics, layout.whole(devices))

  program = _on_axis_of_one(_steps(on_parts))
  return Dispatcher(jax.jit(program, donate_argnums=0), _placer(batches_of_steps))


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

  def on_axis(state, batches, resident):
    return steps(state, batches, resident, lax.axis_index(DATA_AXIS))

  # Without check_vma=False the gradient of replicated parameters is summed before our own pmean.
  mapped = jax.shard_map(
    on_axis,
    mesh=layout.mesh(devices),
    in_specs=(P(), P(None, DATA_AXIS), P()),
    out_specs=P(),
    check_vma=False,
  )

  split = NamedSharding(layout.mesh(devices), P(None, DATA_AXIS))
  return Dispatcher(jax.jit(mapped, donate_argnums=0), _placer(split))


def _placer(sharding):
  """Lays out what each process has of the batches."""

  def place(leaf):
    return jax.make_array_from_process_local_data(sharding, np.asarray(leaf))

  return lambda batches: jax.tree.map(place, batches)


class Dispatcher:
  """A program and what its batches go through first, `(state, batches, resident) -> (state, metrics)`."""

  def __init__(self, program: Any, place: Callable[[Any], Any]):
    """`place` lays out the batches of this process as the program takes them."""
    self._program, self._place = program, place
    self._compiled: dict[Any, Any] = {}

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


_BACKENDS = {'jit': _jit, 'pmap': _pmap, 'shard_map': _shard_map, 'fsdp': _fsdp}


def initial_state(params: Params, extra: Extra, opt: OptState, rng: PRNGKey) -> State:
  """The state at step 0; `rng` is a typed key, kept as its data so that a checkpoint holds plain arrays."""
  return State(jnp.zeros((), jnp.int32), params, extra, opt, jax.random.key_data(rng))
