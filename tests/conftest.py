import gc
import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jaxgen import process

# Before jax is imported: what one test compiles, another test, worker or run need not compile again.
CACHE = Path(os.environ.setdefault('JAX_COMPILATION_CACHE_DIR', str(Path('.cache/jax').resolve())))
os.environ.setdefault('JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS', '0.2')
# Most programs of the tests are tiny and run once: what counts is that they are compiled quickly.
# Without its emitters of fusions that takes 0.55 of the time; newer releases do not know the flag, and stop at it.
_QUICKER = {'0.10': ' --xla_cpu_use_fusion_emitters=false'}
# Each of two workers has one core: parts that are compiled side by side would only wait for each other.
_IN_ONE_PART = ' --xla_cpu_parallel_codegen_split_count=1'
_jaxlib = '.'.join(importlib.metadata.version('jaxlib').split('.')[:2])
os.environ.setdefault(
  'XLA_FLAGS', '--xla_backend_optimization_level=0' + _IN_ONE_PART + _QUICKER.get(_jaxlib, '')
)
os.environ.setdefault('JAXGEN_CACHE', str(Path('.cache/jaxgen').resolve()))
os.environ.setdefault('JAX_PLATFORMS', 'cpu')
process.set_up()  # as every command does: a program is found again only under the same flags
FLAGS = os.environ['XLA_FLAGS']
# Tracing makes objects by the hundred thousand, few of which are garbage: looked for at Python's own rate, that took a
# fifteenth of all time. Much more seldom than this, and programs that nobody needs any more fill the memory.
gc.set_threshold(10_000)

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope='session')
def run_python():
  """Runs `python *arguments` from the repository's root, with as many host devices as asked for."""

  def run(*arguments, devices=1, env=None, **options):
    environment = (
      os.environ | {'XLA_FLAGS': f'{FLAGS} --xla_force_host_platform_device_count={devices}'} | (env or {})
    )
    return subprocess.run(
      [sys.executable, *map(str, arguments)],
      cwd=ROOT,
      env=environment,
      capture_output=True,
      text=True,
      timeout=300,
      **options,
    )

  return run
