"""The likelihood of an autoregressive model: log p(x) = sum_i log p(x_i | x_1, ..., x_{i-1})."""

import math

import jax
import jax.numpy as jnp

from jaxgen.losses._finite import sum_over_event


def categorical_nll(logits: jax.Array, x: jax.Array, observed: jax.Array | None = None) -> jax.Array:
  """-sum_i log softmax(logits_i)[x_i].

  Where `logits_i` depend on nothing but `x_1, ..., x_{i-1}`, this is `-log p(x)`, exactly (van den Oord et
  al., "Pixel recurrent neural networks", 2016, equation 1).

  Args:
    logits: f32[B, ..., L], for each position the L values that it may take.
    x: whole numbers [B, ...] in [0, L).
    observed: bool[B, ...], which entries the sum runs over; None: all.

  Returns:
    f32[B], nats of probability mass. The log-density on the unit cube is `D log(L)` minus this.

  Raises:
    ValueError: if `logits` has not the shape of `x` with one axis more.
    TypeError: if `x` does not hold whole numbers.
  """
  if logits.shape[:-1] != x.shape or not x.shape:
    raise ValueError(f'logits of shape {logits.shape} do not fit data of shape {x.shape}.')
  if not jnp.issubdtype(x.dtype, jnp.integer):
    raise TypeError(f'a categorical likelihood needs whole numbers, not {x.dtype}.')
  log_probs = jax.nn.log_softmax(logits.astype(jnp.float32))
  chosen = jnp.take_along_axis(log_probs, x.astype(jnp.int32)[..., None], axis=-1)[..., 0]
  return -sum_over_event(chosen, observed)


def log_density(nll: jax.Array, dims: int, levels: int) -> jax.Array:
  """The log-density on the unit cube of discrete data with this mass: `D log(levels) - nll`, f32[B], nats.

  Args:
    nll: f32[B], minus the log-mass in nats.
    dims: D, the entries of an example.
    levels: the number of values of each.
  """
  return dims * math.log(levels) - nll
