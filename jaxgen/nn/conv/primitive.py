"""A convolution and its two gradients as one primitive, so that each can be compiled in its fastest form.

Input `x`, kernel `k` and output `y` of a convolution meet in one trilinear form,

  T(x, k, y) = sum_{b, p, t, c, o} y[b, p, o] x[b, s p + d t - l, c] k[t, c, o]

with stride `s`, kernel dilation `d` and lower padding `l`. The convolution is its derivative in `y`, the
gradient of the input its derivative in `x`, that of the kernel its derivative in `k`. Each of the three is
linear in the other two arrays, and every derivative of one, of any order, is another: the primitive
`convolve` holds all three, and forward mode, reverse mode, their mixtures and `vmap` stay inside it.

On a CPU the three are compiled as `jaxgen.nn.conv.cpu` says; elsewhere as XLA's own convolutions.
"""

from collections.abc import Mapping
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from jaxgen.nn.conv import cpu
from jaxgen.nn.conv.layout import channels_last
from jaxgen.nn.conv.window import Window

ROLES = ('x', 'k', 'y')


def convolve(
  arrays: Mapping[str, jax.Array], wanted: str, shape: tuple[int, ...], window: Window
) -> jax.Array:
  """The derivative of T in the array named `wanted`, whose shape is `shape`, at the two arrays given.

  Args:
    arrays: two of 'x': f32[B, *S, C], 'k': f32[*K, C / groups, O], 'y': f32[B, *P, O].
    wanted: the third.
    shape: the shape of the third.
    window: strides, padding, dilation and groups.
  """
  lhs, rhs = _alike(*(arrays[role] for role in ROLES if role != wanted))
  return _convolve_p.bind(lhs, rhs, wanted=wanted, shape=tuple(shape), window=window)


def _alike(lhs, rhs):
  """Within `shard_map`, lets both arrays vary over the same axes, as JAX does for its own primitives."""
  axes = [getattr(jax.typeof(array), 'manual_axis_type', None) for array in (lhs, rhs)]
  axes = [frozenset() if kind is None else kind.varying for kind in axes]
  missing = axes[1] - axes[0], axes[0] - axes[1]
  return [
    lax.pcast(array, tuple(names), to='varying') if names else array
    for array, names in zip((lhs, rhs), missing, strict=True)
  ]


def _plain(lhs, rhs, *, wanted, shape, window):
  """XLA's own convolution, or JAX's transpose of it."""

  def forward(x, k):
    return lax.conv_general_dilated(
      x,
      k,
      window.strides,
      window.padding,
      rhs_dilation=window.dilation,
      dimension_numbers=channels_last(x.ndim),
      feature_group_count=window.groups,
      precision=window.precision,
    )

  if wanted == 'y':
    return forward(lhs, rhs)
  like = jax.ShapeDtypeStruct(shape, lhs.dtype)
  linear = {'x': lambda x: forward(x, lhs), 'k': lambda k: forward(lhs, k)}[wanted]
  return jax.linear_transpose(linear, like)(rhs)[0]


def _cpu(lhs, rhs, *, wanted, shape, window):
  return cpu.compute(lhs, rhs, wanted, shape, window)


def _transpose(moved, cotangent, lhs, rhs, *, wanted, shape, window):
  """T's derivative in `wanted`, transposed in the operand `moved`, is T's derivative in that operand."""
  del shape
  roles = [role for role in ROLES if role != wanted]
  arrays = dict(zip(roles, (lhs, rhs), strict=True))
  unknown = arrays.pop(roles[moved])
  return convolve({**arrays, wanted: cotangent}, roles[moved], unknown.aval.shape, window)


def _batch(args, dims, *, wanted, shape, window):
  """A mapped axis joins the examples where the kernel is not mapped, and the channel groups where it is."""
  roles = [role for role in ROLES if role != wanted]
  arrays, dims = dict(zip(roles, args, strict=True)), dict(zip(roles, dims, strict=True))
  size = next(arrays[r].shape[d] for r, d in dims.items() if d is not None)
  arrays = {
    role: jnp.broadcast_to(array, (size, *array.shape))
    if dims[role] is None
    else jnp.moveaxis(array, dims[role], 0)
    for role, array in arrays.items()
  }
  if wanted != 'k' and dims['k'] is None:
    arrays = {role: array[0] if role == 'k' else _merge(array, 0) for role, array in arrays.items()}
    out = convolve(arrays, wanted, (size * shape[0], *shape[1:]), window)
    return out.reshape(size, *shape), 0
  last = len(shape) - 1
  arrays = {role: _merge(array, last) for role, array in arrays.items()}
  groups = window._replace(groups=size * window.groups)
  out = convolve(arrays, wanted, (*shape[:-1], size * shape[-1]), groups)
  return jnp.moveaxis(out.reshape(*shape[:-1], size, shape[-1]), last, 0), 0


def _merge(array, axis):
  """Moves the leading axis in front of the axis that is now called `axis`, and joins the two."""
  shape = list(array.shape[1:])
  shape[axis] *= array.shape[0]
  return jnp.moveaxis(array, 0, axis).reshape(shape)


def _abstract(lhs, rhs, *, wanted, shape, window):
  del wanted, window
  if lhs.dtype != rhs.dtype:
    raise TypeError(f'a convolution needs one dtype, not {lhs.dtype} and {rhs.dtype}.')
  return lhs.update(shape=shape, weak_type=False)


_convolve_p = Primitive('convolve')
_convolve_p.def_impl(jax.jit(_convolve_p.bind, static_argnames=('wanted', 'shape', 'window')))
_convolve_p.def_abstract_eval(_abstract)
ad.defbilinear(_convolve_p, partial(_transpose, 0), partial(_transpose, 1))
batching.primitive_batchers[_convolve_p] = _batch
mlir.register_lowering(_convolve_p, mlir.lower_fun(_plain, multiple_results=False))
mlir.register_lowering(_convolve_p, mlir.lower_fun(_cpu, multiple_results=False), platform='cpu')
