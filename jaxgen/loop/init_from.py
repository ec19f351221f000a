"""Beginning with the weights of another run, `config.init_from`, where they fit by name and shape.

`<workdir>/init_from.json` remembers which run that was and what fitted. A run that goes on does not read it again.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen import experiment, files, parallel
from jaxgen.errors import UserError
from jaxgen.loop.preparation import Setting
from jaxgen.runs import best
from jaxgen.runs.checkpoint_reader import Reader, leaf_name
from jaxgen.types import State

_NAMED = 6  # arrays on a line of the terminal; the file has all


class Fit(NamedTuple):
  """What `<workdir>/init_from.json` holds.

  Attributes:
    workdir: of the other run.
    step: of its checkpoint: the best by validation where one is known, else the newest.
    weights: 'raw', or 'averaged' where that run keeps an average.
    fit: the arrays that were taken over, by their names.
    new: those that it has not, or not in this shape: they begin as without it.
    unused: those of the other run that have no place here.
  """

  workdir: str
  step: int
  weights: str
  fit: tuple[str, ...]
  new: tuple[str, ...]
  unused: tuple[str, ...]


def begin(setting: Setting, state: State, trust: bool = False) -> tuple[State, Fit | None]:
  """The first state with the weights of `config.init_from`; the state as it is where there is none to be read.

  Averages and moments begin at these weights. The weights of stages are those of the stages.

  Args:
    setting: of the run that begins.
    state: its first state.
    trust: whether the other run may be of a module that is none of jaxgen's.

  Returns:
    The state, and what fitted; None where there is nothing to be read, or the run goes on from a checkpoint.

  Raises:
    UserError: if there is no such run, or not one array of its parameters fits.
  """
  path = setting.config.init_from
  if not path or Reader(setting.workdir / 'checkpoints').steps():
    return state, None
  try:
    trained = experiment.load(Path(path), step='best' if best.read(Path(path)) else 'newest', trust=trust)
  except UserError as error:
    raise UserError(f'config.init_from={path} cannot be used: {error}') from None
  state = parallel.on_host(state)
  name, weights = list(trained.weights().items())[-1]
  here, there = ({'params': tree.params, 'extra': tree.extra} for tree in (state, weights))
  merged, fit = _merged(here, there)
  if not any(array.startswith('params/') for array in fit):
    raise UserError(
      f'config.init_from={path}: not one array of that run, of {trained.config.module}, fits {setting.config.module} '
      'by name and shape; give another run, or leave it away.'
    )
  new, unused = (tuple(array for array in _named(tree) if array not in fit) for tree in (here, there))
  opt = jax.jit(setting.model.update.init)(merged['params'])
  state = parallel.place(state._replace(**merged, opt=opt), setting.backend)
  return state, Fit(path, int(trained.state.step), name, fit, new, unused)


def note(workdir: Path, fit: Fit) -> None:
  """Says what fitted, on the terminal and in the folder of the run."""
  count = len(fit.fit) + len(fit.new)
  print(f'init     {len(fit.fit)} of {count} arrays are of step {fit.step:,} of {fit.workdir}, {fit.weights}')
  for what, names in (('anew', fit.new), ('not used', fit.unused)):
    if names:
      more = f' and {len(names) - _NAMED} more' if len(names) > _NAMED else ''
      print(f'         {what}: {", ".join(names[:_NAMED])}{more}')
  if jax.process_index() == 0:
    files.write_text(Path(workdir) / 'init_from.json', json.dumps(fit._asdict(), indent=2) + '\n')


def _merged(here, there):
  """The tree `here` with what fits of `there`, and the names of that."""
  other = _named(there)
  fit = tuple(name for name, leaf in _named(here).items() if _is_like(other.get(name), leaf))
  take = lambda path, leaf: jnp.array(other[leaf_name(path)]) if leaf_name(path) in fit else leaf  # noqa: E731
  return jax.tree_util.tree_map_with_path(take, here), fit


def _named(tree: Any) -> Mapping[str, Any]:
  """Its arrays by their names, but for those of stages."""
  named = {leaf_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}
  return {name: leaf for name, leaf in named.items() if not name.startswith('extra/stages/')}


def _is_like(other, leaf):
  return other is not None and other.shape == leaf.shape and other.dtype == leaf.dtype
