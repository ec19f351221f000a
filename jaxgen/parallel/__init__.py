"""The one place that knows how many devices there are: jit on one, pmap, shard_map or fsdp on several.

A training step is written for one device and the axis `DATA_AXIS`. Here that axis is bound: to the devices of
every host where there are several, and to an axis of size one where there is a single device, so that the
same step runs everywhere. The state has no replica dimension: it is one value, held by all devices, each of which has
the whole of it ('pmap', 'shard_map') or a part ('fsdp').
"""

from jaxgen.parallel.dispatch import Dispatcher, Step, backend, data_parallel, initial_state
from jaxgen.parallel.hosts import all_alike, one_speaks, one_writes, start
from jaxgen.parallel.layout import (
  of_state,
  on_all_devices,
  on_every_host,
  on_host,
  place,
  replicate,
  shapes,
  shared_work,
  split_over_devices,
)

__all__ = [
  'Dispatcher',
  'Step',
  'all_alike',
  'backend',
  'data_parallel',
  'initial_state',
  'of_state',
  'on_all_devices',
  'on_every_host',
  'on_host',
  'one_speaks',
  'one_writes',
  'place',
  'replicate',
  'shapes',
  'shared_work',
  'split_over_devices',
  'start',
]
