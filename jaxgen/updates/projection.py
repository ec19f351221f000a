"""Parameters brought back, after a step, to where they may be."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from jaxgen.types import Params, State, Update
from jaxgen.updates.players import merged, selected


def project(onto: Callable[[Params], Params], *, wrt: str | Sequence[str] | None = None) -> Update:
  """Replaces parameters by what `onto` makes of them: `chain(minimize(loss, tx), project(clipped(0.01)))`.

  Projected gradient descent, exactly, where a change of the optimizer's step would be rounded when it is added.

  Args:
    onto: `params -> params`, of one structure; of those under `wrt`.
    wrt: top-level key or keys of the parameters to project; all of them where None.

  Raises:
    KeyError: if `wrt` names a key that the parameters lack.
  """
  keys = (wrt,) if isinstance(wrt, str) else wrt

  def init(params):
    selected(params, keys)  # says which is missing
    return ()

  def apply(state: State, rng, batch):
    del rng, batch
    return state._replace(params=merged(state.params, onto(selected(state.params, keys)), keys)), {}

  return Update(init, apply)


def clipped(limit: float) -> Callable[[Params], Params]:
  """The projection of every weight onto `[-limit, limit]` (Arjovsky et al., "Wasserstein GAN", 2017, algorithm 1, line
  7, where the limit is 0.01).

  Raises:
    ValueError: if `limit` is not positive.
  """
  if not limit > 0:
    raise ValueError(f'a limit must be positive, not {limit}.')
  return lambda params: jax.tree.map(lambda leaf: jnp.clip(leaf, -limit, limit), params)
