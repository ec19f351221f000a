"""Latents as vectors: trees of arrays, the tuple of a multi-scale flow say, laid out one after the other."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from jaxgen.uses.subject import Subject


def flat(latents: Any) -> jax.Array:
  """A tree of latents, leaves `[B, ...]`, as f32[B, D]."""
  return jax.vmap(lambda one: ravel_pytree(one)[0])(latents)


def unflat(subject: Subject) -> Callable[[jax.Array], Any]:
  """The inverse of `flat` for the latents of a model: `f32[B, D] -> tree`."""
  one = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape[1:], leaf.dtype), subject.shapes_of_latents())
  return jax.vmap(ravel_pytree(one)[1])
