"""Several draws of the latents for each example: one pass of the encoder, and one of the decoder for each draw.

Arrays of K draws are f32[K * B, ...], all examples of the first draw first, so that one pass of a network takes them as
a batch.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen import computing
from jaxgen.families.vae.autoencoder import Autoencoder
from jaxgen.families.vae.posterior import Drawn
from jaxgen.losses import vae as losses
from jaxgen.types import Extra, Params, PRNGKey


def tiled(tree: Any, num: int) -> Any:
  """Arrays [B, ...] as [num * B, ...]; single numbers, of all examples together, stay."""
  return jax.tree.map(lambda leaf: jnp.tile(leaf, (num, *[1] * (leaf.ndim - 1))) if leaf.ndim else leaf, tree)


def by_draw(tree: Any, num: int) -> Any:
  """Arrays [num * B, ...] as [num, B, ...]."""
  return jax.tree.map(lambda leaf: leaf.reshape(num, -1, *leaf.shape[1:]), tree)


def drawn(
  model: Autoencoder,
  params: Params,
  extra: Extra,
  rng: PRNGKey,
  outputs: Any,
  given: Mapping[str, jax.Array],
  *,
  train: bool,
) -> tuple[Drawn, Extra]:
  """As many draws for each example as the objective takes; `outputs` are the encoder's, `given` is prepared.

  Returns:
    The draws, f32[K * B, ...], and `extra`.
  """
  num = model.objective.num_draws
  prior = model.prior.under(tiled(given, num))
  return model.posterior.draw(model.apply, params, extra, rng, tiled(outputs, num), prior=prior, train=train)


def doubly_reparameterized(
  model: Autoencoder,
  params: Params,
  extra: Extra,
  outputs: Any,
  given: Mapping[str, jax.Array],
  draws: Drawn,
  kl_weight: jax.Array | float,
  *,
  train: bool,
) -> tuple[Drawn, jax.Array]:
  """The same draws, whose gradient is weighed anew, and whose log-weights, in which `kl_weight` weighs log q, have no
  score of q.

  Returns:
    The draws, and f32[K, B]: the zeros of `jaxgen.losses.vae.doubly_reparameterized`.
  """
  num = model.objective.num_draws
  z, zeros = losses.doubly_reparameterized(by_draw(draws.z, num), kl_weight)
  z = z.reshape(draws.z.shape)
  prior = model.prior.under(tiled(given, num))
  log_prior, _ = prior.log_prob(model.apply, params, extra, z, train=train)
  assert model.posterior.log_prob is not None  # `jaxgen.families.vae.vae` takes no other
  log_q = model.posterior.log_prob(lax.stop_gradient(tiled(outputs, num)), z)
  return draws._replace(z=z, log_weight=log_prior - log_q), zeros


def reconstruction(
  model: Autoencoder,
  params: Params,
  extra: Extra,
  rng: PRNGKey,
  z: Any,
  given: Mapping[str, jax.Array],
  x: tuple[jax.Array, ...],
  *,
  noise_rng: PRNGKey,
  train: bool,
) -> tuple[jax.Array, Extra]:
  """-log p(x|z) of each draw, f32[K, B], in nats, and `extra`; x is the `target` of the likelihood.

  All draws go through the decoder at once; under `config.remat` one after the other, and each again when its gradient
  is due, so that its memory does not grow with K.
  """

  def of_some(extra, rng, z, count):
    """f32[G, B] of draws [G * B, ...]. The noise is the same for all: the bound is on the density of one point."""
    reads = model.decoding.reads(rng, tiled(x[0], count), train)
    inputs = z, *reads, tiled(given, count)
    outputs, extra = model.apply('decoder', params, extra, *inputs, train=train, rng=rng)
    nll = jax.vmap(lambda outputs: model.likelihood.nll(noise_rng, outputs, *x))(by_draw(outputs, count))
    return nll, extra

  def of_next(extra, turn):
    rng, z = turn
    nll, extra = of_some(extra, rng, z, 1)
    return extra, nll[0]

  num = model.objective.num_draws
  if num == 1 or not computing.keeps_little():
    return of_some(extra, rng, z, num)
  turns = jax.random.split(rng, num), by_draw(z, num)
  # A loop hides its turns from each other, so that nothing has to keep XLA from merging what is computed twice.
  extra, nll = lax.scan(jax.checkpoint(of_next, prevent_cse=False), extra, turns)
  return nll, extra
