"""Beginning with the weights of another run, `config.init_from`, where they fit by name and shape.

`<workdir>/init_from.json` remembers which run that was and what fitted. A run that goes on does not read it again.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax

from jaxgen import experiment, files, parallel
from jaxgen.beginning import Beginning
from jaxgen.errors import UserError
from jaxgen.loop.preparation import Setting
from jaxgen.runs import best
from jaxgen.runs.checkpoint_reader import Reader, leaf_name

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


def begin(setting: Setting, first: Beginning, trust: bool = False) -> tuple[Beginning, Fit | None]:
  """The first state with the weights of `config.init_from`; as it is where there is none to be read.

  Averages and moments begin at these weights. The weights of stages are those of the stages.

  Args:
    setting: of the run that begins.
    first: its first state.
    trust: whether the other run may be of a module that is none of jaxgen's.

  Returns:
    The state, and what fits; None where there is nothing to be read, or the run goes on from a checkpoint.

  Raises:
    UserError: if there is no such run, or not one array of its parameters fits.
  """
  path = setting.config.init_from
  if not path or Reader(setting.workdir / 'checkpoints').steps():
    return first, None
  try:
    trained = experiment.load(Path(path), step='best' if best.read(Path(path)) else 'newest', trust=trust)
  except UserError as error:
    raise UserError(f'config.init_from={path} cannot be used: {error}') from None
  name, weights = list(trained.weights().items())[-1]
  here, other = _named(_weights_of(first.shapes)), _named(_weights_of(weights))
  fit = tuple(array for array, leaf in here.items() if _is_like(other.get(array), leaf))
  if not any(array.startswith('params/') for array in fit):
    raise UserError(
      f'config.init_from={path}: not one array of that run, of {trained.config.module}, fits {setting.config.module} '
      'by name and shape; give another run, or leave it away.'
    )

  def compute():
    state = first.compute()
    # By way of the host: the other run lies where it was restored, and this one wherever it will be trained.
    taken = {array: parallel.on_host(other[array]) for array in fit}
    merged = _merged(_weights_of(state), taken)
    where = parallel.of_state(first.shapes.opt, setting.backend)
    opt = jax.jit(setting.model.update.init, out_shardings=where)(merged['params'])
    return parallel.place(state._replace(**merged, opt=opt), setting.backend)

  new, unused = (tuple(array for array in named if array not in fit) for named in (here, other))
  return Beginning(first.shapes, compute), Fit(path, int(trained.state.step), name, fit, new, unused)


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


def _weights_of(tree):
  return {'params': tree.params, 'extra': tree.extra}


def _merged(here, others):
  """The tree `here` with these arrays in place of its own of the same names, laid out as those were."""

  def chosen(path, leaf):
    other = others.get(leaf_name(path))
    return leaf if other is None else jax.device_put(other, leaf.sharding)

  return jax.tree_util.tree_map_with_path(chosen, here)


def _named(tree: Any) -> Mapping[str, Any]:
  """Its arrays by their names, but for those of stages."""
  named = {leaf_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}
  return {name: leaf for name, leaf in named.items() if not name.startswith('extra/stages/')}


def _is_like(other, leaf):
  return other is not None and other.shape == leaf.shape and other.dtype == leaf.dtype
