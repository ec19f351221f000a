"""Updates of updates: one after the other, in turn, now and then."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.types import Update
from jaxgen.updates.accumulation import Slices


def chain(*updates: Update) -> Update:
  """Applies the updates one after the other; each sees the parameters that the one before it left.

  Raises:
    ValueError: if two of them report a metric of the same name.
  """

  def init(params):
    return tuple(update.init(params) for update in updates)

  def apply(state, rng, batch):
    opts, metrics = [], {}
    for index, (update, opt) in enumerate(zip(updates, state.opt, strict=True)):
      moved, new = update.apply(state._replace(opt=opt), jax.random.fold_in(rng, index), batch)
      opts.append(moved.opt)
      metrics = _join(metrics, new)
      state = moved
    return state._replace(opt=tuple(opts)), metrics

  return Update(init, apply)


def scheduled(update_at: Callable[[jax.Array], Update]) -> Update:
  """An update that changes with the step: a loss whose weights warm up, a penalty that enters now and then.

  Args:
    update_at: `step i32[] -> Update`, traced; what it makes has the same optimizer state at every step.
  """

  def init(params):
    return update_at(jnp.zeros((), jnp.int32)).init(params)

  def apply(state, rng, batch):
    return update_at(state.step).apply(state, rng, batch)

  return Update(init, apply)


def every(period: int, update: Update) -> Update:
  """Applies `update` at the steps that `period` divides; elsewhere it reports nothing: counts of zero, which `means`
  leaves out.

  The generator of a GAN with several discriminator steps is of this kind.

  Raises:
    ValueError: if `period` is less than 1.
  """
  if period < 1:
    raise ValueError(f'period must be at least 1, not {period}.')
  if period == 1:
    return update

  def apply(state, rng, batch):
    _, shapes = jax.eval_shape(update.apply, state, rng, batch)
    nothing = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    return lax.cond(
      state.step % period == 0,
      lambda: update.apply(state, rng, batch),
      lambda: (state, nothing),
    )

  return Update(update.init, apply)


def repeat(num: int, update: Update) -> Update:
  """Applies `update` `num` times, on `num` equal slices of the batch.

  Raises:
    ValueError: if `num` is less than 1, or does not divide the number of examples on a device.
  """
  if num < 1:
    raise ValueError(f'num must be at least 1, not {num}.')
  if num == 1:
    return update

  def apply(state, rng, batch):
    axis = int(isinstance(batch, Slices))  # of the examples

    def split(leaf):
      size = leaf.shape[axis]
      if size % num:
        raise ValueError(f'{num} inner steps do not divide a batch of {size} examples per device.')
      parts = leaf.reshape(*leaf.shape[:axis], num, size // num, *leaf.shape[axis + 1 :])
      return jnp.moveaxis(parts, axis, 0)

    def body(state, slice_and_index):
      part, index = slice_and_index
      return update.apply(state, jax.random.fold_in(rng, index), part)

    state, metrics = lax.scan(body, state, (jax.tree.map(split, batch), jnp.arange(num)))
    return state, jax.tree.map(lambda leaf: leaf.sum(0), metrics)

  return Update(update.init, apply)


def alternate(*updates: Update, periods: Sequence[int] | None = None) -> Update:
  """The game of a GAN: players move in turn, each against what the others have just become.

  Args:
    *updates: one per player, in the order in which they move.
    periods: player `i` moves at the steps that `periods[i]` divides; by default all move at every step.
      `alternate(d, g, periods=(1, 5))` is five discriminator steps per generator step.

  Raises:
    ValueError: if there are not as many periods as players.
  """
  periods = (1,) * len(updates) if periods is None else tuple(periods)
  if len(periods) != len(updates):
    raise ValueError(f'{len(updates)} players need {len(updates)} periods, not {len(periods)}.')
  return chain(*(every(period, update) for period, update in zip(periods, updates, strict=True)))


def _join(metrics, new):
  if twice := metrics.keys() & new.keys():
    raise ValueError(f'two updates report the same metric: {", ".join(sorted(twice))}.')
  return {**metrics, **new}
