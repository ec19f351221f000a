"""How a family reaches its networks: one way to make their variables and one to run them."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgen.types import Extra, Params, PRNGKey


class Init(Protocol):
  """Makes the variables of all networks."""

  def __call__(self, rng: PRNGKey, inputs: Mapping[str, tuple]) -> tuple[Params, Extra]:
    """`inputs` maps the name of each network to what it is called with; a single one takes `rng` itself."""
    ...


class Apply(Protocol):
  """Runs one network."""

  def __call__(
    self,
    name: str,
    params: Params,
    extra: Extra,
    *args: Any,
    train: bool,
    rng: PRNGKey | None = None,
    method: str | None = None,
    **settings: Any,
  ) -> tuple[Any, Extra]:
    """`(outputs, extra)`: the outputs in float32; in training, `extra` with what the network has updated in it.

    `rng` is for all that the network draws: 'dropout', 'noise'. `settings` are further arguments, by name.
    """
    ...


class Networks(NamedTuple):
  """Several modules under one roof; see `networks`."""

  init: Init
  apply: Apply


class Part(NamedTuple):
  """One network of several, and how it comes into being.

  Attributes:
    module: as `networks` takes it.
    inputs: what it is called with once, to make its variables: a function, so that no device is touched before.
    method: of a module that is no network (a bijector), the method that makes its variables.
  """

  module: nn.Module
  inputs: Callable[[], tuple]
  method: str | None = None


def assembled(parts: Mapping[str, Part]) -> tuple[Callable[[PRNGKey], tuple[Params, Extra]], Apply]:
  """The networks of a family and of its slots under one roof: `(init, apply)`, where `init` takes the key alone."""
  methods = {name: part.method for name, part in parts.items() if part.method}
  roof = networks(methods, **{name: part.module for name, part in parts.items()})
  return lambda rng: roof.init(rng, {name: part.inputs() for name, part in parts.items()}), roof.apply


def networks(methods: Mapping[str, str] | None = None, **modules: nn.Module) -> Networks:
  """Modules by the names under which their variables are kept.

  Parameters are in `params[name]`; all other variables (batch statistics, power iterations, codebooks, constants) in
  `extra[name]`, and only of networks that have some. A network may update them when `train` is True, never else; so
  batch statistics, codebooks and dropout work in every family.

  A module is called with `train`, a keyword; a method of another name (a bijector's) is not: it sees by its
  collections, which are mutable in training alone.

  Args:
    methods: of modules that are no networks but have methods of their own: the one that makes their variables.
    **modules: by name.
  """
  methods = methods or {}

  def init(rng, inputs):
    params, extra = {}, {}
    keys = [rng] if len(inputs) == 1 else [jax.random.fold_in(rng, index) for index in range(len(inputs))]
    for key, (name, args) in zip(keys, inputs.items(), strict=True):
      initial = partial(modules[name].init, key, *args)
      variables = dict(initial(method=methods[name]) if name in methods else initial(train=False))
      params[name] = variables.pop('params', {})
      if variables:
        extra[name] = variables
    return params, extra

  def apply(name, params, extra, *args, train, rng=None, method=None, **settings):
    variables = {'params': params[name], **extra.get(name, {})}
    settings |= {'train': train} if method is None else {'method': method}
    rngs = {} if rng is None else {'dropout': rng, 'noise': rng}
    if not train or name not in extra:
      return _float32(modules[name].apply(variables, *args, **settings, rngs=rngs)), extra
    outputs, updated = modules[name].apply(variables, *args, **settings, rngs=rngs, mutable=list(extra[name]))
    return _float32(outputs), {**extra, name: dict(updated)}

  return Networks(init, apply)


def _float32(outputs):
  return jax.tree.map(
    lambda leaf: leaf.astype(jnp.float32) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf, outputs
  )
