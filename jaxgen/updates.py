"""Training transforms: small `Update`s that compose, as optax composes gradient transformations.

A variational autoencoder is `chain(minimize(loss, tx), ema(0.999))`. A GAN whose generator moves, and is averaged, at
every fifth step is

    alternate(
      minimize(d_loss, tx_d, wrt='discriminator'),
      chain(minimize(g_loss, tx_g, wrt='generator'), ema(0.999, wrt='generator')),
      periods=(1, 5),
    )

`alternate` sits one level above optax because optax receives finished gradients: with optax alone both
players' backward passes would run at every step, on the same old parameters.

A lazy penalty (R1 at every 16th step, 16 times as heavy) is a term of the discriminator's loss, which one optimizer
then sees in proportion: `scheduled(lambda step: minimize(d_loss_with_r1_at(step), tx_d, wrt='discriminator'))`, where
the loss adds `lax.cond(step % 16 == 0, ...)`. As an `every(16, minimize(r1, ...))` with an optimizer of its own it
would lose its weight: Adam divides by the size of the gradients.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax
from clu import metrics as clu_metrics
from jax import lax

from jaxgen.types import Batch, Extra, LossFn, Metrics, Params, PRNGKey, State, Update


class Slices(NamedTuple):
  """A batch in parts, leaves `[num, B / num, ...]`: what `accumulated` makes and `minimize` averages over."""

  batch: Batch


class EmaState(NamedTuple):
  """`average` has the shape of the parameters that are averaged; `count` is the number of updates it has seen."""

  count: jax.Array  # type: ignore[assignment]  # a tuple has a method of this name
  average: Params


def minimize(
  loss: LossFn,
  tx: optax.GradientTransformation,
  *,
  wrt: str | Sequence[str] | None = None,
  axis_name: str | None = None,
) -> Update:
  """One gradient step on `loss`.

  Args:
    loss: `(params, extra, rng, batch) -> (loss f32[], (extra, metrics))`.
    tx: turns the gradient into an update; it sees only the parameters under `wrt`.
    wrt: top-level key or keys of the parameters to move; all of them where None.
    axis_name: the mapped axis over which gradient, `extra` and metrics are averaged, where there is one.

  Returns:
    An `Update` whose metrics are those of the loss, and `<wrt>_grad_norm` (l2, before `tx`).

  Raises:
    KeyError: if `wrt` names a key that the parameters lack.
  """
  keys = (wrt,) if isinstance(wrt, str) else wrt
  grad_norm = 'grad_norm' if keys is None else '_'.join([*keys, 'grad_norm'])

  def gradient(state: State, rng: PRNGKey, batch: Batch) -> tuple[Params, Extra, Metrics]:
    def loss_of_moving(moving):
      return loss(_merge(state.params, moving, keys), state.extra, rng, batch)

    moving = _select(state.params, keys)
    (_, (extra, metrics)), grads = jax.value_and_grad(loss_of_moving, has_aux=True)(moving)
    return grads, extra, {name: _average(value) for name, value in metrics.items()}

  def apply(state: State, rng: PRNGKey, batch: Batch | Slices) -> tuple[State, Metrics]:
    moving = _select(state.params, keys)
    if isinstance(batch, Slices):
      grads, extra, metrics = _mean_of_slices(gradient, moving, state, rng, batch)
    else:
      grads, extra, metrics = gradient(state, rng, batch)
    grads = _mean_over(grads, axis_name)
    step, opt = tx.update(grads, state.opt, moving)
    moving = optax.apply_updates(moving, step)
    metrics = metrics if axis_name is None else lax.psum(metrics, axis_name)
    metrics = {**metrics, grad_norm: _average(optax.tree.norm(grads))}
    params = _merge(state.params, moving, keys)
    return state._replace(params=params, extra=_mean_of_extra(extra, axis_name), opt=opt), metrics

  return Update(lambda params: tx.init(_select(params, keys)), apply)


def accumulated(num: int, update: Update) -> Update:
  """The same update at the memory of a smaller batch: each gradient in it is the mean of those of `num` slices.

  Slice after slice goes through the loss, and only then the optimizer moves. Where the loss is a mean over examples
  this is the step of the whole batch, up to rounding. What a loss draws it draws for each slice, with a key of its
  own: of such a loss the step is one of the same distribution. What a network takes from a batch as a whole (batch
  statistics) it takes from slices, and `extra` goes from each to the next.

  It holds for every `minimize` in `update`, wherever that stands. A slice is every `num`-th example, so that a batch
  that is spread over devices is spread in each of them.

  Raises:
    ValueError: if `num` is less than 1, or does not divide the number of examples on a device.
  """
  if num < 1:
    raise ValueError(f'num must be at least 1, not {num}.')
  if num == 1:
    return update

  def split(leaf):
    if leaf.shape[0] % num:
      raise ValueError(f'{num} slices do not divide a batch of {leaf.shape[0]} examples per device.')
    return leaf.reshape(leaf.shape[0] // num, num, *leaf.shape[1:]).swapaxes(0, 1)

  def apply(state, rng, batch):
    slices = cast(Batch, Slices(jax.tree.map(split, batch)))  # which `minimize` tells from a batch
    return update.apply(state, rng, slices)

  return Update(update.init, apply)


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


def ema(decay: float, *, wrt: str | Sequence[str] | None = None) -> Update:
  """An exponential moving average of parameters, warmed up so that early samples are not noise.

  `average <- d average + (1 - d) params` with `d = min(decay, (1 + t) / (10 + t))`, where `t` counts the
  updates (the warm-up is TensorFlow's `ExponentialMovingAverage` with `num_updates`). It counts its own: inside of a
  player of `alternate` it ticks when that player moves.

  Args:
    decay: d, in [0, 1).
    wrt: top-level key or keys of the parameters to average; all of them where None.

  Raises:
    ValueError: if `decay` is not in [0, 1).
    KeyError: if `wrt` names a key that the parameters lack.
  """
  keys = (wrt,) if isinstance(wrt, str) else wrt
  if not 0 <= decay < 1:
    raise ValueError(f'decay must be in [0, 1), not {decay}.')

  def init(params):
    return EmaState(jnp.zeros((), jnp.int32), jax.tree.map(jnp.array, _select(params, keys)))

  def apply(state, rng, batch):
    del rng, batch
    count, average = state.opt
    rate = jnp.minimum(decay, (1.0 + count) / (10.0 + count))
    moving = _select(state.params, keys)
    average = jax.tree.map(lambda a, p: a + ((1 - rate) * (p - a)).astype(a.dtype), average, moving)
    return state._replace(opt=EmaState(count + 1, average)), {}

  return Update(init, apply)


def averaged_params(state: State) -> Params:
  """The parameters with those in place that an `ema` of the update averages; themselves where there is none."""
  params = state.params
  for leaf in jax.tree.leaves(state.opt, is_leaf=lambda node: isinstance(node, EmaState)):
    if isinstance(leaf, EmaState):
      params = {**params, **leaf.average} if isinstance(params, Mapping) else leaf.average
  return params


def means(metrics: Metrics) -> dict[str, jax.Array]:
  """The mean of every metric that was reported, f32[]; what a player would have said who did not move is left out.

  Args:
    metrics: as `Update.apply` returns them, of one step or stacked, `[K]`; not while tracing.
  """
  counts = {name: metric.count.sum() for name, metric in metrics.items()}
  return {name: metrics[name].total.sum() / count for name, count in counts.items() if count}


def _mean_of_slices(gradient, moving, state, rng, slices):
  """`gradient` slice by slice: their mean, the last `extra`, and the metrics of all examples."""
  num = jax.tree.leaves(slices)[0].shape[0]

  def body(carry, slice_and_index):
    total, extra = carry
    part, index = slice_and_index
    grads, extra, metrics = gradient(state._replace(extra=extra), jax.random.fold_in(rng, index), part)
    return (jax.tree.map(jnp.add, total, grads), extra), metrics

  start = jax.tree.map(jnp.zeros_like, moving), state.extra
  (total, extra), metrics = lax.scan(body, start, (slices.batch, jnp.arange(num)))
  grads = jax.tree.map(lambda leaf: leaf / num, total)
  return grads, extra, jax.tree.map(lambda leaf: leaf.sum(0), metrics)


def _select(params, keys):
  return params if keys is None else {key: params[key] for key in keys}


def _merge(params, moving, keys):
  return moving if keys is None else {**params, **moving}


def _join(metrics, new):
  if twice := metrics.keys() & new.keys():
    raise ValueError(f'two updates report the same metric: {", ".join(sorted(twice))}.')
  return {**metrics, **new}


def _mean_over(tree: Any, axis_name: str | None) -> Any:
  return tree if axis_name is None else lax.pmean(tree, axis_name)


def _mean_of_extra(extra: Any, axis_name: str | None) -> Any:
  """Counters are the same on every device, and a mean would make floats of them; so are the frozen weights of stages,
  which its rounding would move a little at every step.
  """
  if isinstance(extra, Mapping) and 'stages' in extra:
    others = {name: tree for name, tree in extra.items() if name != 'stages'}
    return {**_mean_of_extra(others, axis_name), 'stages': extra['stages']}
  return jax.tree.map(
    lambda leaf: _mean_over(leaf, axis_name) if jnp.issubdtype(leaf.dtype, jnp.inexact) else leaf, extra
  )


def _average(value) -> clu_metrics.Average:
  """Sums a metric over the examples of one device. A number counts as one example."""
  value = lax.stop_gradient(jnp.asarray(value, jnp.float32))
  return clu_metrics.Average(total=value.sum(), count=jnp.float32(value.size))
