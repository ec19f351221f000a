"""The arithmetic of a program, loops included."""

from collections.abc import Callable, Iterator

import jax
from jax.extend import core


def count(function: Callable, *args) -> float:
  """FLOPs of one call, as XLA counts them before it optimizes, the body of a scan as often as it runs.

  XLA itself counts the body of a loop once, so that a network scanned over its depth would look like a single layer.
  A `while_loop`, whose end is not known beforehand, still counts once.

  Args:
    function: what `jax.jit` takes, jitted or not.
    *args: arrays, or `jax.ShapeDtypeStruct`s, of the shapes to count for.

  Returns:
    The count, or NaN where this backend has none.
  """
  return _count(jax.make_jaxpr(function)(*args))


def _count(program):
  loops = ((scan.params['length'], scan.params['jaxpr']) for scan in _scans(program.jaxpr))
  return _once(program) + sum(length * _count(body) - _once(body) for length, body in loops)


def _once(program):
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
