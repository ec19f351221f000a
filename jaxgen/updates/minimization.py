"""One gradient step, and what it reports."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax
from clu import metrics as clu_metrics
from jax import lax

from jaxgen.types import Batch, Extra, LossFn, Metrics, Params, PRNGKey, State, Update
from jaxgen.updates.accumulation import Slices, mean_of_slices
from jaxgen.updates.players import merged, selected

# What `extra` has under these names is the same on every device as it is, and a mean's rounding would move it a little
# at every step: the frozen weights of stages, and pools of examples.
POOL = 'pool'
SHARED = ('stages', POOL)


def minimize(
  loss: LossFn,
  tx: optax.GradientTransformation,
  *,
  wrt: str | Sequence[str] | None = None,
  axis_name: str | None = None,
) -> Update:
  """One gradient step on `loss`.

  Args:
    loss: `(params, extra, rng, batch) -> (loss f32[], (extra, metrics))`, whose metrics are numbers, of which means are
      taken, or what `ratio` makes.
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
      return loss(merged(state.params, moving, keys), state.extra, rng, batch)

    moving = selected(state.params, keys)
    (_, (extra, metrics)), grads = jax.value_and_grad(loss_of_moving, has_aux=True)(moving)
    return grads, extra, {name: _average(value) for name, value in metrics.items()}

  def apply(state: State, rng: PRNGKey, batch: Batch | Slices) -> tuple[State, Metrics]:
    moving = selected(state.params, keys)
    if isinstance(batch, Slices):
      grads, extra, metrics = mean_of_slices(gradient, moving, state, rng, batch)
    else:
      grads, extra, metrics = gradient(state, rng, batch)
    grads = _mean_over(grads, axis_name)
    step, opt = tx.update(grads, state.opt, moving)
    moving = optax.apply_updates(moving, step)
    metrics = metrics if axis_name is None else lax.psum(metrics, axis_name)
    metrics = {**metrics, grad_norm: _average(optax.tree.norm(grads))}
    params = merged(state.params, moving, keys)
    return state._replace(params=params, extra=_mean_of_extra(extra, axis_name), opt=opt), metrics

  return Update(lambda params: tx.init(selected(params, keys)), apply)


def ratio(totals: jax.Array, counts: jax.Array) -> clu_metrics.Average:
  """A metric of a loss that is all totals by all counts, f32[B] both: of a step and of all steps that a row is of."""
  totals, counts = (lax.stop_gradient(jnp.asarray(each, jnp.float32)).sum() for each in (totals, counts))
  return clu_metrics.Average(total=totals, count=counts)


def means(metrics: Metrics) -> dict[str, jax.Array]:
  """The mean of every metric that was reported, f32[]; what a player would have said who did not move is left out.

  Args:
    metrics: as `Update.apply` returns them, of one step or stacked, `[K]`; not while tracing.
  """
  counts = {name: metric.count.sum() for name, metric in metrics.items()}
  return {name: metrics[name].total.sum() / count for name, count in counts.items() if count}


def _mean_over(tree: Any, axis_name: str | None) -> Any:
  return tree if axis_name is None else lax.pmean(tree, axis_name)


def _mean_of_extra(extra: Any, axis_name: str | None) -> Any:
  """Counters are the same on every device, and a mean would make floats of them; so is what is `SHARED`."""
  shared = {name: extra[name] for name in SHARED if name in extra} if isinstance(extra, Mapping) else {}
  if shared:
    extra = {name: tree for name, tree in extra.items() if name not in shared}
  averaged = jax.tree.map(
    lambda leaf: _mean_over(leaf, axis_name) if jnp.issubdtype(leaf.dtype, jnp.inexact) else leaf, extra
  )
  return {**averaged, **shared} if shared else averaged


def _average(value) -> clu_metrics.Average:
  """Sums a metric over the examples of one device. A number counts as one example, and a `ratio` is summed already."""
  if isinstance(value, clu_metrics.Average):
    return value
  value = lax.stop_gradient(jnp.asarray(value, jnp.float32))
  return clu_metrics.Average(total=value.sum(), count=jnp.float32(value.size))
