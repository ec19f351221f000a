"""How far the weights of the players stretch."""

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.types import Params

# Each a product with every weight and one with its transpose: all take less than a step does for one example.
_ITERATIONS = 20


def spectral_norms(params: Params) -> dict[str, jax.Array]:
  """The largest singular value of any weight of each player, f32[], as `<player>_spectral_norm`.

  A weight is a matrix f32[-1, O], as it stands in the parameters: before spectral normalization, where there is one
  (Brock et al., "Large scale GAN training for high fidelity natural image synthesis", 2019, section 4.1: in training
  that collapses some of them explode). It is found by power iteration, which comes near it from below.
  """
  return {f'{player}_spectral_norm': _largest(weights) for player, weights in params.items()}


def per_example(params: Params, num: int) -> dict[str, jax.Array]:
  """The same f32[num] times over, as `evaluate` gives its terms."""
  return {name: jnp.broadcast_to(norm, (num,)) for name, norm in spectral_norms(params).items()}


def _largest(tree):
  matrices = [leaf.reshape(-1, leaf.shape[-1]) for leaf in jax.tree.leaves(tree) if leaf.ndim > 1]

  def iterate(_, vectors):
    return [_unit(w.T @ (w @ u)) for w, u in zip(matrices, vectors, strict=True)]

  start = [_unit(jax.random.normal(jax.random.key(0), w.shape[1:])) for w in matrices]
  vectors = lax.fori_loop(0, _ITERATIONS, iterate, start)
  norms = [jnp.linalg.norm(w @ u) for w, u in zip(matrices, vectors, strict=True)]
  return jnp.max(jnp.stack(norms)) if norms else jnp.zeros(())


def _unit(x):
  return x / jnp.maximum(jnp.linalg.norm(x), 1e-12)
