"""What the command line sets for its whole process, before jax touches a device.

A library has no business here: importing jaxgen changes nothing. Whatever the user has set wins.
"""

import ctypes
import importlib.metadata
import importlib.util
import io
import logging
import os
import re
import sys
import warnings
from pathlib import Path

import absl.logging

_WORTH_CACHING = 0.05  # seconds of compilation; jax itself would forget what took less than one

# mallopt's parameter, the environment variable of the same meaning, and the value.
_MALLOC = (
  (-4, 'MALLOC_MMAP_MAX_', 0),  # M_MMAP_MAX
  (-1, 'MALLOC_TRIM_THRESHOLD_', 2**31 - 1),  # M_TRIM_THRESHOLD
  (-8, 'MALLOC_ARENA_MAX', 1),  # M_ARENA_MAX
)

_CONVOLUTIONS = '--xla_cpu_experimental_ynn_fusion_type'
# What finds the devices says that a GPU is not used for want of a package.
_LOGGERS = {
  'jax': logging.ERROR,
  'jax._src.xla_bridge': logging.WARNING,
  'matplotlib': logging.ERROR,
  'PIL': logging.ERROR,
}
_ACCELERATORS = ('/dev/nvidiactl', '/dev/dxg', '/dev/kfd', '/dev/accel0', '/dev/vfio/0')


def set_up() -> None:
  """Memory, compiler flags, compilation cache, logs and output of this process.

  Call it before jax touches a device; whether jax is imported already does not matter. On a machine
  whose work is done by a GPU or TPU, memory and compiler flags stay as they are.
  """
  if _computes_on_cpu():
    _keep_memory()
    _choose_convolutions()
  _cache_programs()
  _quieten()
  for stream in (sys.stdout, sys.stderr):  # a path may hold bytes that are no text
    if isinstance(stream, io.TextIOWrapper):
      stream.reconfigure(errors='backslashreplace')


def _computes_on_cpu():
  platforms = os.environ.get('JAX_PLATFORMS', '')
  if platforms:
    return platforms.split(',')[0] == 'cpu'
  plugins = importlib.metadata.entry_points(group='jax_plugins') or importlib.util.find_spec('libtpu')
  return not (plugins and any(map(os.path.exists, _ACCELERATORS)))


def _keep_memory():
  """XLA allocates its buffers anew at each execution; without this, glibc fetches them from the kernel each time."""
  if not sys.platform.startswith('linux') or 'glibc' not in (os.confstr('CS_GNU_LIBC_VERSION') or ''):
    return
  mallopt = ctypes.CDLL(None).mallopt
  for parameter, variable, value in _MALLOC:
    if variable not in os.environ:
      mallopt(parameter, value)


def _choose_convolutions():
  """Sends convolutions to Eigen rather than YNNPACK, which is slower in these releases.

  XLA refuses to start with a value that it does not know, hence the check of the version.
  """
  flags = os.environ.get('XLA_FLAGS', '')
  if _CONVOLUTIONS in flags or not (0, 10) <= _jaxlib() < (0, 13):
    return
  os.environ['XLA_FLAGS'] = f'{flags} {_CONVOLUTIONS}=-individual_convolution'.strip()


def _jaxlib():
  numbers = re.findall(r'\d+', importlib.metadata.version('jaxlib'))
  return tuple(map(int, numbers[:2]))


def _cache_programs():
  """Compiled programs are kept in `$JAXGEN_CACHE/xla`, by default `~/.cache/jaxgen/xla`; it may be deleted."""
  folder = Path(os.environ.get('JAXGEN_CACHE') or Path('~', '.cache', 'jaxgen')).expanduser() / 'xla'
  _set_option('jax_compilation_cache_dir', str(folder))
  _set_option('jax_persistent_cache_min_compile_time_secs', _WORTH_CACHING)


def _set_option(name, value):
  """Sets an option of jax, imported or not, and that of its subprocesses, unless the environment has it."""
  if name.upper() in os.environ:
    return
  os.environ[name.upper()] = str(value)
  if 'jax' in sys.modules:
    sys.modules['jax'].config.update(name, value)


def _quieten():
  """Notes of libraries that are of no use to whoever trains a model; what fails, jaxgen says in a sentence."""
  absl.logging.set_verbosity(absl.logging.FATAL)  # orbax reports there, with tracebacks
  for name, level in _LOGGERS.items():
    logging.getLogger(name).setLevel(level)
  if not sys.warnoptions:  # python -W, PYTHONWARNINGS
    warnings.simplefilter('ignore')
  os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')
  os.environ.setdefault('GRPC_VERBOSITY', 'ERROR')
