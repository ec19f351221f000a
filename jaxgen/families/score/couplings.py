"""Which noise an example is blurred by in training: any, or the one that lies nearest in its minibatch."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from optax.assignment import hungarian_algorithm


class Coupling(NamedTuple):
  """The joint distribution of examples and noise.

  Attributes:
    description: for the objective; empty where they are independent.
    pair: `(x f32[B, ...], noise f32[B, ...]) -> f32[B, ...]`, the same noises, each at its example.
    of_all: whether an example's noise depends on the other examples.
  """

  description: str
  pair: Callable[[jax.Array, jax.Array], jax.Array]
  of_all: bool


def independent() -> Coupling:
  """Each example has noise of its own: the score is that of the blurred data."""
  return Coupling('', lambda x, noise: noise, of_all=False)


def optimal_transport() -> Coupling:
  """Noise is paired with the examples of a minibatch so that the sum of `||x - e||^2` is least.

  Tong et al., "Improving and generalizing flow-based generative models with minibatch optimal transport" (2024);
  Pooladian et al., "Multisample flow matching" (2023). Both marginals stay what they are, and the ODE still carries the
  one to the other, on lines that cross less. What is learned is its velocity: `-E[e | x + sigma e] / sigma`, in the
  place of a score, is none: a way with fresh noise does not end in the data and is refused, as the bound is, and such a
  model completes nothing.

  The assignment is exact, `O(B^3)`, and takes all examples of a device.
  """
  return Coupling('noise paired with examples by optimal transport, ', nearest_noise, of_all=True)


# `() -> Coupling`, by the names of `config.model.path.coupling`
COUPLINGS: dict[str, Callable[[], Coupling]] = {
  'independent': independent,
  'optimal_transport': optimal_transport,
}


def nearest_noise(x: jax.Array, noise: jax.Array) -> jax.Array:
  """The noises f32[B, ...] in the order that makes the sum of `||x - e||^2` over pairs least."""
  # of the squares only the products depend on the order
  flat_x, flat_noise = (array.reshape(len(array), -1) for array in (x, noise))
  rows, columns = hungarian_algorithm(-jnp.matmul(flat_x, flat_noise.T, precision='highest'))
  return noise[columns[jnp.argsort(rows)]]
