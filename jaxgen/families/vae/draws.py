"""Several draws of the latents for each example: one pass of the encoder, and one of the decoder for each draw.

Arrays of K draws are f32[K * B, ...], all examples of the first draw first, so that one pass of a network takes them as
a batch.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen import computing
from jaxgen.families.vae.autoencoder import Autoencoder
from jaxgen.losses import vae as losses
from jaxgen.types import Extra, Metrics, Params, PRNGKey


def tiled(tree: Any, num: int) -> Any:
  """Arrays [B, ...] as [num * B, ...]; single numbers, of all examples together, stay."""
  return jax.tree.map(lambda leaf: jnp.tile(leaf, (num, *[1] * (leaf.ndim - 1))) if leaf.ndim else leaf, tree)


def by_draw(tree: Any, num: int) -> Any:
  """Arrays [num * B, ...] as [num, B, ...]."""
  return jax.tree.map(lambda leaf: leaf.reshape(num, -1, *leaf.shape[1:]), tree)


class Weighed(NamedTuple):
  """What there is of K draws.

  Attributes:
    nll: f32[K, B], -log p(x|z) in nats.
    kl: f32[K, B], as the posterior gives it.
    log_ratio: f32[K, B], log p(z) - log q(z|x) in nats; None where q has no density.
    zeros: f32[K, B], those of `jaxgen.losses.vae.doubly_reparameterized`; 0 where the gradient is the plain one.
    z: what was decoded, [K * B, ...]; None of draws that came one after the other, of which none is kept.
    kl_per_latent: f32[B, D], the mean over the draws; None where only the sum over the latents is known.
    metrics: further ones, f32[B] or f32[], means over the draws.
  """

  nll: jax.Array
  kl: jax.Array
  log_ratio: jax.Array | None
  zeros: jax.Array | float
  z: Any
  kl_per_latent: jax.Array | None
  metrics: Metrics


class Keys(NamedTuple):
  """Of the noise in the draws, of what the decoder hides, and of the noise on x."""

  z: PRNGKey
  decoder: PRNGKey
  x: PRNGKey


def weighed(
  model: Autoencoder,
  params: Params,
  extra: Extra,
  rngs: Keys,
  outputs: Any,
  given: Mapping[str, jax.Array],
  x: tuple[jax.Array, ...],
  kl_weight: jax.Array | float | None = None,
  *,
  train: bool,
) -> tuple[Weighed, Extra]:
  """As many draws for each example as the objective takes, with what the decoder makes of them.

  All go through the networks at once; under `config.remat` one after the other, and each again when its gradient is
  due, so that memory does not grow with K. The latents and the noise on x are the same in both ways. What a decoder
  hides is not, and batch statistics are those of one draw at a time.

  Args:
    model: of the family.
    params: of its networks.
    extra: likewise.
    rngs: see `Keys`. The noise on x is the same for all draws: the bound is on the density of one point.
    outputs: the encoder's.
    given: the conditions, prepared.
    x: the `target` of the likelihood.
    kl_weight: what weighs log q, for the gradient of DReG; None: the plain one.
    train: whether networks do what they do in training.

  Returns:
    The draws, and `extra`.
  """

  def of_some(extra, z_rng, decoder_rng, count):
    prior, means = model.prior.under(tiled(given, count)), tiled(outputs, count)
    drawn, extra = model.posterior.draw(model.apply, params, extra, z_rng, means, prior=prior, train=train)
    zeros: jax.Array | float = 0.0
    if kl_weight is not None:
      drawn, zeros = _without_score(model, params, extra, outputs, drawn, prior, count, train)
      zeros = by_draw(zeros, count)
    reads = model.decoding.reads(decoder_rng, tiled(x[0], count), train)
    inputs = drawn.z, *reads, tiled(given, count)
    decoded, extra = model.apply('decoder', params, extra, *inputs, train=train, rng=decoder_rng)
    nll = jax.vmap(lambda decoded: model.likelihood.nll(rngs.x, decoded, *x))(by_draw(decoded, count))
    ratio = None if drawn.log_weight is None else by_draw(drawn.log_weight, count)
    per_latent, metrics = jax.tree.map(
      lambda leaf: by_draw(leaf, count).mean(0) if leaf.ndim else leaf,
      (drawn.kl_per_latent, dict(drawn.metrics)),
    )
    return Weighed(nll, by_draw(drawn.kl, count), ratio, zeros, drawn.z, per_latent, metrics), extra

  num = model.objective.num_draws
  if num == 1 or not computing.keeps_little():
    found, extra = of_some(extra, rngs.z if num == 1 else jax.random.split(rngs.z, num), rngs.decoder, num)
  else:
    found, extra = _in_turn(of_some, extra, rngs, num)
  if kl_weight is not None:
    found = found._replace(zeros=losses.dreg_zeros(found.zeros, kl_weight))
  return found, extra


def _in_turn(of_some, extra, rngs, num):
  """`of_some` of one draw after the other. Means are summed on the way, so that nothing is kept but f32[K, B], and
  `extra` before each draw, of networks that have statistics."""

  def of_next(extra, turn):
    found, extra = of_some(extra, *turn, 1)
    return (found.kl_per_latent, found.metrics), found._replace(z=None, kl_per_latent=None, metrics={}), extra

  # A loop hides its turns from each other, so that nothing has to keep XLA from merging what is computed twice.
  once_more = jax.checkpoint(of_next, prevent_cse=False)

  def turn(carry, rngs):
    extra, sums = carry
    means, found, extra = once_more(extra, rngs)
    return (extra, jax.tree.map(jnp.add, sums, means)), found

  turns = jax.random.split(rngs.z, num), jax.random.split(rngs.decoder, num)
  shapes = jax.eval_shape(of_next, extra, jax.tree.map(lambda keys: keys[0], turns))[0]
  sums = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
  (extra, sums), found = lax.scan(turn, (extra, sums), turns)
  per_latent, metrics = jax.tree.map(lambda leaf: leaf / num, sums)
  found = jax.tree.map(lambda leaf: leaf[:, 0] if jnp.ndim(leaf) > 1 else 0.0, found)
  return found._replace(kl_per_latent=per_latent, metrics=metrics), extra


def _without_score(model, params, extra, outputs, drawn, prior, count, train):
  """The same draws, whose gradient is weighed anew, with log-weights that have no score of q; and zeros f32[K * B]."""
  z, zeros = losses.dreg_draw(drawn.z)
  log_prior, _ = prior.log_prob(model.apply, params, extra, z, train=train)
  assert model.posterior.log_prob is not None  # `jaxgen.families.vae.vae` takes no other
  log_q = model.posterior.log_prob(lax.stop_gradient(tiled(outputs, count)), z)
  return drawn._replace(z=z, log_weight=log_prior - log_q), zeros
