"""`process.set_up`, each time in a process of its own."""

import importlib.metadata
import json
import os
import sys

import pytest

VARIABLES = (
  'XLA_FLAGS',
  'JAX_COMPILATION_CACHE_DIR',
  'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS',
  'JAX_PLATFORMS',
)
FLAG = '--xla_cpu_experimental_ynn_fusion_type'
JAXLIB = tuple(map(int, importlib.metadata.version('jaxlib').split('.')[:2]))

# Sets up, computes with temporary arrays of 16 MB, and reports page faults per execution.
PROGRAM = """
import json, os, sys
if {jax_first}:
  import jax
from jaxgen import process
if {set_up}:
  process.set_up()
assert {jax_first} or 'jax' not in sys.modules
import resource
import jax, jax.numpy as jnp
compute = jax.jit(lambda x: jax.lax.fori_loop(0, 2, lambda i, y: y[::-1] + i, x)[0])
x = jnp.ones(2**22)
for _ in range(40):  # until the heap has grown as far as it will
  float(compute(x))
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
  total = float(compute(x))
faults = (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 20
print(json.dumps(dict(
  total=total,
  faults=faults,
  cache=jax.config.jax_compilation_cache_dir,
  flags=os.environ.get('XLA_FLAGS', ''),
)))
"""


@pytest.fixture
def report(run_python, tmp_path):
  """Runs the program in an environment without any of `VARIABLES`, except for those given."""

  def run(set_up=True, jax_first=False, **environment):
    # An empty XLA_FLAGS is as good as none; the others have to be absent.
    clean = {'XLA_FLAGS': '', 'JAXGEN_CACHE': str(tmp_path), **environment}
    absent = [name for name in VARIABLES if name not in clean]
    program = f'import os\nfor name in {absent}: os.environ.pop(name, None)\n' + PROGRAM.format(
      set_up=set_up, jax_first=jax_first
    )
    result = run_python('-c', program, env=clean)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout), result.stderr

  return run


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='the setting is that of glibc')
def test_temporary_arrays_are_not_fetched_from_the_kernel_each_time(report):
  without, _ = report(set_up=False)
  if without['faults'] < 1000:
    pytest.skip('this kernel fetches pages of two megabytes, which cost little')
  got, _ = report(jax_first=True)
  assert got['faults'] < without['faults'] / 10
  assert got['total'] == without['total']
  own, _ = report(MALLOC_MMAP_MAX_='65536', MALLOC_TRIM_THRESHOLD_='131072')
  assert own['faults'] > without['faults'] / 2  # the user's own setting wins


def test_cache_and_flags_by_default_and_no_word_said(report, tmp_path):
  got, errors = report(JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS='0')
  assert errors == ''
  assert got['cache'] == str(tmp_path / 'xla')
  assert list((tmp_path / 'xla').glob('*-cache'))
  assert (FLAG in got['flags']) == ((0, 10) <= JAXLIB < (0, 13))


def test_what_the_user_has_set_wins(report, tmp_path):
  own = '--xla_cpu_enable_fast_math=false'
  got, _ = report(jax_first=True, XLA_FLAGS=own, JAX_COMPILATION_CACHE_DIR=str(tmp_path / 'mine'))
  assert got['cache'] == str(tmp_path / 'mine')
  assert got['flags'].split()[0] == own


@pytest.mark.parametrize('own', [f'{FLAG}=+individual_convolution', f'{FLAG}='])
def test_a_flag_of_the_users_is_not_doubled(run_python, own):
  program = 'import os; from jaxgen import process; process.set_up(); print(os.environ["XLA_FLAGS"])'
  assert run_python('-c', program, env={'XLA_FLAGS': own}).stdout.strip() == own


def test_where_a_gpu_computes_memory_and_compiler_stay_as_they_are(run_python):
  program = 'import os; from jaxgen import process; process.set_up(); print(os.environ["XLA_FLAGS"])'
  environment = {'XLA_FLAGS': '--xla_gpu_deterministic_ops=true', 'JAX_PLATFORMS': 'cuda,cpu'}
  assert run_python('-c', program, env=environment).stdout.strip() == environment['XLA_FLAGS']


def test_importing_jaxgen_changes_nothing(run_python):
  program = f'import os, jaxgen.process, jaxgen.nn; print([os.environ.get(name) for name in {VARIABLES}])'
  own = {name: os.environ.get(name) for name in VARIABLES} | {'XLA_FLAGS': ''}
  assert run_python('-c', program, env={'XLA_FLAGS': ''}).stdout.strip() == str(list(own.values()))


RAW = """
import logging, warnings
from jaxgen import process
process.set_up()
warnings.warn('a raw warning')
for name in ('jax._src.compiler', 'matplotlib.font_manager', 'PIL.Image'):
  logging.getLogger(name).warning('a raw note')
print('bytes that are no text: \\udcff')
"""


def test_libraries_do_not_speak_to_the_terminal_and_any_name_can_be_printed(run_python):
  done = run_python('-c', RAW)
  assert (done.returncode, done.stderr) == (0, '')
  assert done.stdout == 'bytes that are no text: \\udcff\n'
  assert 'a raw warning' in run_python('-W', 'default', '-c', RAW).stderr
