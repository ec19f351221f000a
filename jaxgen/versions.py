"""What a number may depend on beside its config: packages, processor and device."""

import functools
import importlib.metadata
import os
import platform
from pathlib import Path

import jax

_PACKAGES = ('jaxgen', 'jax', 'jaxlib', 'flax', 'optax', 'orbax-checkpoint', 'numpy', 'scipy')


@functools.cache
def versions() -> dict[str, str]:
  """`{'jax': '0.10.2', ..., 'device': '1 x cpu', 'processor': 'AMD EPYC, 2 cores', 'system': 'Linux'}`."""
  found = {name: importlib.metadata.version(name) for name in _PACKAGES}
  return found | {
    'python': platform.python_version(),
    'device': f'{jax.device_count()} x {jax.devices()[0].device_kind}',
    'processor': f'{processor()}, {os.cpu_count()} cores',
    'system': platform.system(),
  }


def processor() -> str:
  """The name of the processor: where a device is the CPU, jax calls it that and no more."""
  info = Path('/proc/cpuinfo')
  lines = info.read_text().splitlines() if info.exists() else []
  names = (line.partition(':')[2].strip() for line in lines if line.startswith('model name'))
  return next(names, platform.processor() or platform.machine())
