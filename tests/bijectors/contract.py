"""What is asked of every bijector, computed in one program for each of its shapes."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jaxgen.bijectors import Bijector

ORDINARY = 3  # examples; one more lies far in the tails
WAYS = {'forward': 'inverse', 'inverse': 'forward'}


class Row(NamedTuple):
  """A constructor, and where it is held to the contract.

  Attributes:
    make: the bijector for examples of a shape.
    shapes: of one example, at which it is to hold.
    givens: lengths of the condition, 0 for none: of the first shape, of the second, and so on, in turns.
    bounded: 'x' or 'z', where one of them lies in the unit interval.
    far: how large an input may be; less than 1e4 where the type ends before.
  """

  make: Callable[[tuple[int, ...]], Bijector]
  shapes: Sequence[tuple[int, ...]]
  givens: Sequence[int] = (0,)
  bounded: str = ''
  far: float = 1e4

  def cases(self) -> list[tuple[tuple[int, ...], int]]:
    """Each shape with the length of its condition; at least one for each length."""
    num = max(len(self.shapes), len(self.givens))
    return [(self.shapes[i % len(self.shapes)], self.givens[i % len(self.givens)]) for i in range(num)]


class Direction(NamedTuple):
  """One direction, in one precision: what went in, what came out, and what came back."""

  start: Any
  image: Any
  log_det: jax.Array
  again: Any
  log_det_back: jax.Array


def computed(row: Row, shape: tuple[int, ...], given_size: int, gradients: bool) -> dict[str, Any]:
  """Both directions in float64 and float32, Jacobians, and whether gradients are finite; arrays of NumPy."""
  with jax.enable_x64(True):
    return jax.device_get(jax.jit(partial(_program, row, shape, given_size, gradients))())


def _program(row, shape, given_size, gradients):
  bijector = row.make(shape)
  given = _draw((given_size,), False, 1.0) if given_size else None
  x = _draw(shape, row.bounded == 'x', row.far)
  single = partial(jax.tree.map, lambda leaf: leaf.astype(jnp.float32))
  # the far one would set the scale of those that look at the data, and leave the others few digits
  ordinary = jax.tree.map(lambda leaf: leaf[:ORDINARY], single((x, given)))
  # weights in float32, as training leaves them: data in float64 keep their digits all the same
  variables = single(_disturbed(bijector.init(jax.random.key(0), *ordinary, method='forward_and_log_det')))
  apply = {way: partial(bijector.apply, method=f'{way}_and_log_det') for way in WAYS}
  like = jax.eval_shape(apply['forward'], variables, x, given)[0]
  z = jax.tree.map(lambda leaf: _draw(leaf.shape[1:], row.bounded == 'z', row.far), like)
  results = {}
  for way, start in (('forward', x), ('inverse', z)):
    there, back = apply[way], apply[WAYS[way]]
    alone, jacobian = _with_jacobian(partial(there, variables), start, given)
    results[way] = {
      'exact': _direction(there, back, variables, start, given),
      'single': _direction(there, back, *single((variables, start, given))),
      'alone': alone,
      'jacobian': jacobian,
    }
    if gradients:
      results[way]['finite'] = _gradients_are_finite(there, *single((variables, start, given)))
  return results


def _direction(there, back, variables, start, given):
  image, log_det = there(variables, start, given)
  return Direction(start, image, log_det, *back(variables, image, given))


def _with_jacobian(function, start, given):
  """`function` of every example by itself, under vmap, and the Jacobian there, [B, D, D]."""
  example = jax.tree.map(lambda leaf: leaf[0], start)
  _, unravel = ravel_pytree(example)

  def rows(flat, given):
    batch = jax.tree.map(lambda leaf: leaf[None], (unravel(flat), given))
    image, log_det = function(*batch)
    return ravel_pytree(image)[0], (image, log_det)

  flat = jnp.concatenate([leaf.reshape(leaf.shape[0], -1) for leaf in jax.tree.leaves(start)], -1)
  jacobian, alone = jax.vmap(jax.jacfwd(rows, has_aux=True))(flat, given)
  return jax.tree.map(lambda leaf: leaf[:, 0], alone), jacobian


def _gradients_are_finite(function, variables, start, given):
  """Of first and second order, by parameters and inputs."""

  def total(params, start):
    return sum(
      leaf.sum() for leaf in jax.tree.leaves(function({**variables, 'params': params}, start, given))
    )

  first, pull = jax.vjp(jax.grad(total, (0, 1)), variables.get('params', {}), start)
  second = pull(jax.tree.map(jnp.ones_like, first))
  return [jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves((first, second))]


def _draw(shape, bounded, far):
  """Examples of a shape, the last one far in the tails where there are any."""
  rng = np.random.default_rng(len(shape))
  if bounded:
    return jnp.asarray(rng.uniform(0.01, 0.99, (ORDINARY + 1, *shape)))
  ordinary = rng.standard_normal((ORDINARY, *shape))
  tails = rng.uniform(far / 10, far, (1, *shape)) * rng.choice([-1, 1], (1, *shape))
  return jnp.asarray(np.concatenate([ordinary, tails]))


def _disturbed(variables):
  """Moves every parameter away from where it starts, lest an error hide behind a zero."""
  rng = np.random.default_rng(9)
  params = variables.get('params', {})
  return {
    **variables,
    'params': jax.tree.map(lambda p: p + jnp.float32(0.3 * rng.standard_normal(p.shape)), params),
  }
