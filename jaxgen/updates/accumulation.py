"""One step of a large batch at the memory of a small one."""

from collections.abc import Callable
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.types import Batch, Extra, Metrics, Params, PRNGKey, State, Update


class Slices(NamedTuple):
  """A batch in parts, leaves `[num, B / num, ...]`: what `accumulated` makes and `minimize` averages over."""

  batch: Batch


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


def mean_of_slices(
  gradient: Callable[[State, PRNGKey, Batch], tuple[Params, Extra, Metrics]],
  moving: Params,
  state: State,
  rng: PRNGKey,
  slices: Slices,
) -> tuple[Params, Extra, Metrics]:
  """`gradient` slice by slice: their mean, of the shape of `moving`, the last `extra`, and the metrics of all examples.

  Slice `i` gets the key `fold_in(rng, i)` and the `extra` that the one before it left.
  """
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
