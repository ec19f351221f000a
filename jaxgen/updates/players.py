"""The parameters of a player: what is under one or more top-level keys."""

from collections.abc import Sequence

from jaxgen.types import Params


def selected(params: Params, keys: Sequence[str] | None) -> Params:
  """The parameters under `keys`; all of them where None.

  Raises:
    KeyError: if they lack one.
  """
  return params if keys is None else {key: params[key] for key in keys}


def merged(params: Params, moving: Params, keys: Sequence[str] | None) -> Params:
  """`params` with `moving`, as `selected` returns it, in place."""
  return moving if keys is None else {**params, **moving}
