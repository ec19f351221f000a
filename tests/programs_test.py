import json
import re

import jax
import pytest

from jaxgen import programs

# What initializing a network is to the compiler: kernels of many shapes.
SCRIPT = """
import json, time
import jax, numpy as np
from jaxgen import programs

def draws(key):
  return [jax.random.normal(k, (3, n, 8, 33)) for n, k in enumerate(jax.random.split(key, 4), 50)]

def compiled(jitted):
  lowered, start = jitted.lower(jax.random.key(3)), time.process_time()
  program = lowered.compile()
  seconds = time.process_time() - start
  return seconds, [np.asarray(x).tolist() for x in program(jax.random.key(3))]

compiled(jax.jit(lambda key: [jax.random.key_data(key)]))  # the first of all takes longer
(plain, values), (once, same) = compiled(jax.jit(draws)), compiled(programs.once(draws))
print(json.dumps({'ratio': once / plain, 'same': values == same}))
"""


def test_what_runs_once_is_compiled_in_half_the_time_and_has_the_values_of_jit(run_python):
  # the tests' own flags would have everything compiled so
  environment = {'XLA_FLAGS': '', 'JAX_ENABLE_COMPILATION_CACHE': 'false'}
  out = run_python('-c', SCRIPT, env=environment)
  result = json.loads(out.stdout)
  assert result['same']
  assert result['ratio'] < 0.5


def test_what_is_compiled_is_said_before_and_after_with_what_the_cache_held(capsys):
  with programs.compiling('a sum'):
    assert capsys.readouterr().out == 'compile  a sum ... '
    jax.jit(lambda x: x + 1)(1.0)
  assert re.fullmatch(r'\d+\.\d s \(\d of 1 programs found in the cache\)\n', capsys.readouterr().out)


def test_the_line_on_compiling_ends_also_where_it_fails(capsys):
  with pytest.raises(ValueError, match='no program'), programs.compiling('nothing'):
    raise ValueError('no program')
  assert re.fullmatch(r'compile  nothing \.\.\. \d+\.\d s\n', capsys.readouterr().out)
