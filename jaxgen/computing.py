"""How the networks of a model compute: in which type, and what of it is kept for the backward pass.

Both are said once, around the functions of a model, and hold for whatever these trace, as
`jax.default_matmul_precision` does. So no family passes them on, and no layer takes them as an argument.
"""

import contextlib
import contextvars
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from jaxgen.types import GenerativeModel


class _Way(NamedTuple):
  dtype: Any = None  # None: float32, as the layers do by themselves
  remat: bool = False


_USUAL = _Way()
_way = contextvars.ContextVar('way', default=_USUAL)


def computed(model: GenerativeModel, dtype: str, remat: bool) -> GenerativeModel:
  """The model with networks that compute in another type, or keep less for the backward pass.

  Layers compute in `dtype`; parameters, statistics, what lies between a family's networks (losses, latents,
  log-determinants, noise levels) and the optimizer stay float32, and so does all that `in_float32` marks.

  Args:
    model: any.
    dtype: 'float32' or 'bfloat16'.
    remat: whether each `block` keeps its inputs alone, and is computed again when its gradient is due (Chen et al.,
      "Training deep nets with sublinear memory cost", 2016).
  """
  way = _Way(None if dtype == 'float32' else jnp.dtype(dtype), remat)
  if way == _USUAL:
    return model

  def around(function):
    @functools.wraps(function)
    def inside(*args, **kwargs):
      with _set(way), nn.intercept_methods(_compute):
        return function(*args, **kwargs)

    return inside

  functions: dict[str, Any] = {
    name: around(value) for name, value in model._asdict().items() if callable(value)
  }
  functions['init'] = model.init  # float32, as what it makes
  update = model.update._replace(apply=around(model.update.apply))
  return model._replace(update=update, **functions)


def in_float32(function: Callable[..., Any]) -> Callable[..., Any]:
  """The function with networks that compute in float32, whatever the model computes in."""

  @functools.wraps(function)
  def inside(*args, **kwargs):
    with _set(_way.get()._replace(dtype=None)):
      return function(*args, **kwargs)

  return inside


def block(module: nn.Module, *args: Any, method: str = '__call__', **settings: Any) -> Any:
  """`module(*args, **settings)`, one of a row of blocks, of which only the inputs need be kept.

  Args:
    module: of a network that is being applied.
    *args: arrays, and pytrees of arrays.
    method: of the module.
    **settings: what is no array, `train=True` say.
  """

  def run(module, *args):
    return getattr(module, method)(*args, **settings)

  return (nn.remat(run) if _way.get().remat else run)(module, *args)


def keeps_little() -> bool:
  """Whether less is to be kept for the backward pass, in the function of a model that is being traced."""
  return _way.get().remat


def loop_body(body: Callable[..., Any]) -> Callable[..., Any]:
  """The body of an `nn.scan`, where each turn is a `block`."""
  # A loop hides its turns from each other, so that nothing has to keep XLA from merging what is computed twice.
  return nn.remat(body, prevent_cse=False) if _way.get().remat else body


@contextlib.contextmanager
def _set(way):
  token = _way.set(way)
  try:
    yield
  finally:
    _way.reset(token)


def _compute(method, args, kwargs, context):
  """A layer that says no type of its own computes in that of the model."""
  layer, dtype = context.module, _way.get().dtype
  if dtype is None or getattr(layer, 'dtype', dtype) is not None:
    return method(*args, **kwargs)
  # Linen's layers are frozen; this one lives as long as the trace, and has its field back after it.
  object.__setattr__(layer, 'dtype', dtype)
  try:
    return method(*args, **kwargs)
  finally:
    object.__setattr__(layer, 'dtype', None)
