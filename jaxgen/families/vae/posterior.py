"""The slot of a variational autoencoder for q(z|x): what the encoder's outputs mean."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.bijectors import Bijector
from jaxgen.bijectors.bijector import shape_through
from jaxgen.families.networks import Part
from jaxgen.losses import vae as losses
from jaxgen.types import DataSpec, Field, Metrics


class Drawn(NamedTuple):
  """One draw of the latents for each example, ready for the decoder.

  Attributes:
    z: what the decoder takes; gradients flow back through it.
    kl: f32[B], KL(q(z|x) || p(z)) in nats, exact or estimated by this draw, or what stands in its place.
    log_weight: f32[B], log p(z) - log q(z|x) of this draw, in nats; None where q has no density.
    metrics: further ones, f32[B] or f32[].
    kl_per_latent: f32[B, D], what each latent adds to `kl`; None where only their sum is known.
  """

  z: Any
  kl: jax.Array
  log_weight: jax.Array | None = None
  metrics: Metrics = MappingProxyType({})
  kl_per_latent: jax.Array | None = None


class Posterior(NamedTuple):
  """From the encoder's outputs to latents. `apply` is that of `jaxgen.families.networks`.

  Attributes:
    draw: `(apply, params, extra, rng, outputs, *, prior, train) -> (Drawn, extra)`; the prior is that under the
      conditions of the examples, see `Prior.under`. Of K draws for each example at once outputs are [K * B, ...] and
      rng is key[K], as `jaxgen.losses.vae.reparameterize` takes them.
    center: `(apply, params, extra, outputs) -> latents`, the one that stands for the example: a mean, the codes.
    embed: `(apply, params, extra, latents) -> z`, what the decoder takes for latents.
    blank: `num -> z`, zeros in the shape of what the decoder takes.
    term: what `Drawn.kl` is called among the metrics.
    has_density: whether draws have a `log_weight`, so that a bound on log p(x) follows.
    codes: the field that latents are an example of, where they are codes of a codebook, or one for each level.
    health: `(train, held_out, seen) -> sentences` of what is wrong with latents that have no density, as that of a
      `GenerativeModel`; None where no metric tells. What is wrong with others `jaxgen.families.vae.health` says.
    levels: of a hierarchy of latents, see `GenerativeModel.levels`.
    parts: its networks, by the names that they have in `params`.
    log_prob: `(outputs, z) -> f32[B]`, log q(z|x) of any z, in nats; None where only draws tell theirs.
  """

  draw: Callable[..., tuple[Drawn, Any]]
  center: Callable[..., Any]
  embed: Callable[..., Any]
  blank: Callable[[int], Any]
  term: str = 'kl'
  has_density: bool = True
  codes: Field | DataSpec | None = None
  health: Callable[..., list[str]] | None = None
  levels: tuple[int, ...] = ()
  parts: Mapping[str, Part] = MappingProxyType({})
  log_prob: Callable[..., jax.Array] | None = None


def diagonal_gaussian(latent_dim: int) -> Posterior:
  """N(mean, diag(exp(log_var))), where the encoder gives `(mean, log_var)`, each f32[B, latent_dim]."""

  def log_prob(outputs, z):
    mean, log_var = outputs
    return losses.log_normal(z, mean=mean, log_var=log_var)

  def draw(apply, params, extra, rng, outputs, *, prior, train):
    mean, log_var = outputs
    z = losses.reparameterize(rng, mean=mean, log_var=log_var)
    kl = prior.kl(apply, params, extra, mean, log_var) if prior.kl else None
    log_prior, extra = prior.log_prob(apply, params, extra, z, train=train)
    log_weight = log_prior - log_prob(outputs, z)
    return Drawn(z, -log_weight if kl is None else kl.sum(-1), log_weight, kl_per_latent=kl), extra

  def center(apply, params, extra, outputs):
    del apply, params, extra
    return outputs[0]

  def embed(apply, params, extra, latents):
    del apply, params, extra
    return latents

  return Posterior(draw, center, embed, lambda num: jnp.zeros((num, latent_dim)), log_prob=log_prob)


def flow_posterior(bijector: Bijector, latent_dim: int, context_dim: int) -> Posterior:
  """A flow upon a Gaussian: `z = f^-1(e; context)` with `e ~ N(mean, diag(exp(log_var)))`, so that
  `log q(z|x) = log N(e; mean, diag(exp(log_var))) - log|det dz/de|`.

  Rezende & Mohamed, "Variational inference with normalizing flows" (2015), equation 13, where the encoder gives the
  parameters of the flow; Kingma et al., "Improving variational inference with inverse autoregressive flow" (2016),
  equations 10 and 11, where it gives a context. The encoder gives `(mean, log_var, context)`, the last of them
  f32[B, context_dim]. There is no closed form of the KL: it is estimated by the draw, of all latents
  together.

  Args:
    bijector: f, from latents to noise, f32[B, latent_dim] both, as of any flow: its inverse alone is needed, so that
      draws of `Inverse(Planar())` and of `Inverse(Autoregressive(...))` are closed. Its condition is 'context'.
    latent_dim: the numbers in z.
    context_dim: the numbers in the context, at least 1.

  Raises:
    ValueError: if the bijector has no inverse, without which there is nothing to draw, or cannot take such latents.
  """
  if not bijector.has_inverse:
    raise ValueError('a posterior is drawn from, and needs a bijector that goes from noise to latents.')
  shape_through(bijector, (latent_dim,), 'posterior')

  def through(apply, params, extra, e, context, train):
    given = {'context': context}
    return apply('posterior', params, extra, e, given, train=train, method='inverse_and_log_det')

  def draw(apply, params, extra, rng, outputs, *, prior, train):
    mean, log_var, context = outputs
    e = losses.reparameterize(rng, mean=mean, log_var=log_var)
    (z, log_det), extra = through(apply, params, extra, e, context, train)
    log_prior, extra = prior.log_prob(apply, params, extra, z, train=train)
    log_weight = log_prior - losses.log_normal(e, mean=mean, log_var=log_var) + log_det
    return Drawn(z, -log_weight, log_weight), extra

  def center(apply, params, extra, outputs):
    mean, _, context = outputs
    return through(apply, params, extra, mean, context, train=False)[0][0]

  def embed(apply, params, extra, latents):
    del apply, params, extra
    return latents

  def blank(num):
    return jnp.zeros((num, latent_dim))

  part = Part(bijector, lambda: (blank(1), {'context': jnp.zeros((1, context_dim))}), 'inverse_and_log_det')
  return Posterior(draw, center, embed, blank, parts={'posterior': part})
