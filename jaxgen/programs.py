"""Programs that XLA compiles: those that run once, what compiling takes, and the arithmetic of one."""

import collections
import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.extend import core

# LLVM's first level in place of its third: on a CPU most of the time goes there, and the values stay the same.
_LEVEL = 'xla_backend_optimization_level'


def once(function: Callable[..., Any], out_shardings: Any = None) -> Callable[..., Any]:
  """`jax.jit(function)` for what runs once, an initialization say: compiled for speed of compiling, not of running.

  Initializing a network is a large program, a generator of random numbers for every array of parameters, and takes
  milliseconds to run. On a CPU it is compiled here in a fourth of the time; elsewhere, and where `XLA_FLAGS` names a
  level of optimization, this is `jax.jit` as it is. Like every jit with options of its own it cannot be compiled as
  a part of another one.
  """
  hurried = jax.default_backend() == 'cpu' and _LEVEL not in os.environ.get('XLA_FLAGS', '')
  return jax.jit(function, out_shardings=out_shardings, compiler_options={_LEVEL: 1} if hurried else None)


@contextlib.contextmanager
def compiling(what: str, silent: bool = False) -> Iterator[None]:
  """Says that `what` is compiled in this block, then how long the block took and what was in the cache of programs.

  `compile  the training step ... 4.1 s (0 of 1 programs found in the cache)`: the first half is printed at once, and
  the second ends its line. With `silent` nothing is printed.
  """
  if silent:
    yield
    return
  events: collections.Counter[str] = collections.Counter()
  start = time.perf_counter()

  def count(event, **_):
    events[event] += 1

  print(f'compile  {what} ... ', end='', flush=True)
  jax.monitoring.register_event_listener(count)
  try:
    yield
  finally:
    jax.monitoring.unregister_event_listener(count)
    found = f' ({events[_FOUND]} of {events[_ASKED]} programs found in the cache)' if events[_ASKED] else ''
    print(f'{time.perf_counter() - start:.1f} s{found}', flush=True)


# What jax reports of its cache.
_ASKED = '/jax/compilation_cache/compile_requests_use_cache'
_FOUND = '/jax/compilation_cache/cache_hits'


def flops(function: Callable, *args) -> float:
  """FLOPs of one call, as XLA counts them before it optimizes, the body of a scan as often as it runs.

  XLA itself counts the body of a loop once, so that a network scanned over its depth would look like a single layer.
  A `while_loop`, whose end is not known beforehand, still counts once.

  Args:
    function: what `jax.jit` takes, jitted or not.
    *args: arrays, or `jax.ShapeDtypeStruct`s, of the shapes to count for.

  Returns:
    The count, or NaN where this backend has none.
  """
  return _flops(jax.make_jaxpr(function)(*args))


def _flops(program):
  loops = ((scan.params['length'], scan.params['jaxpr']) for scan in _scans(program.jaxpr))
  return _flops_once(program) + sum(length * _flops(body) - _flops_once(body) for length, body in loops)


def _flops_once(program):
  shapes = [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in program.in_avals]
  lowered = jax.jit(core.jaxpr_as_fun(program)).lower(*shapes)
  return (lowered.cost_analysis() or {}).get('flops', float('nan'))


def _scans(jaxpr) -> Iterator:
  """The outermost scans of a program, at whatever depth of calls."""
  for equation in jaxpr.eqns:
    if equation.primitive.name == 'scan':
      yield equation
    else:
      for inner in _inner(equation.params.values()):
        yield from _scans(inner)


def _inner(values):
  for value in values:
    if isinstance(value, core.ClosedJaxpr):
      yield value.jaxpr
    elif isinstance(value, core.Jaxpr):
      yield value
    elif isinstance(value, (tuple, list)):
      yield from _inner(value)
