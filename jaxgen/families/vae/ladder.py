"""A hierarchy of latents, in which the posterior comes down the same way as the prior: a ladder."""

import itertools

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgen.families.networks import Part
from jaxgen.families.vae.posterior import Drawn, Posterior
from jaxgen.losses import vae as losses


def ladder(top_down: nn.Module, dims: tuple[int, ...]) -> Posterior:
  """Latents z_1, ..., z_L with `p(z_L) = N(0, I)` and `p(z_i|z_{i+1}) = N(m_i, s_i^2)`, where a network gives m_i and
  s_i, and x depends on z_1 alone (Sonderby et al., "Ladder variational autoencoders", 2016).

  Of every level the encoder gives a mean and a variance, n_i and t_i^2. Those of the top are the posterior's; below,
  what comes from x and what comes from above are weighed by their precisions (equations 17 to 19):
  `q(z_i|z_{i+1}, x) = N(w n_i + (1 - w) m_i, (t_i^-2 + s_i^-2)^-1)` with `w = t_i^-2 / (t_i^-2 + s_i^-2)`.

  The latents that everything else sees are `e_i = (z_i - m_i) / s_i`, f32[B, sum(dims)], the lowest level first. By the
  prior they are N(0, I), which is the prior of this model; no divergence, bound or draw depends on the choice. So a
  temperature is of all levels, and what is changed in one level is followed by those beneath it.

  The encoder gives `((mean, log_var), ...)`, f32[B, dims[i]] each, the lowest level first; the decoder takes z_1. The
  metrics `kl_level_1`, ... are each level's share of the KL, in nats, given the draw of those above.

  Args:
    top_down: `(level, z_above f32[B, dims[level + 1]], train) -> (mean, log_var)`, f32[B, dims[level]] each, where the
      lowest level is 0; its method `all_levels(above)` takes a z_above of every level but the top, to make its
      variables.
    dims: of the levels, the lowest first.

  Raises:
    ValueError: if there is one level alone: that is a Gaussian posterior.
  """
  if len(dims) < 2:
    raise ValueError(f'a ladder has at least 2 levels, not {len(dims)}: one alone is a Gaussian posterior.')
  edges = [0, *itertools.accumulate(dims)]

  def descend(apply, params, extra, noise_of, train):
    """`noise_of(level, mean, log_var)` gives e of a level, whose p(z|above) is this: z_1, and `extra`."""
    z = noise_of(len(dims) - 1, 0.0, 0.0)
    for level in reversed(range(len(dims) - 1)):
      (mean, log_var), extra = apply('top_down', params, extra, level, z, train=train)
      z = mean + jnp.exp(log_var / 2) * noise_of(level, mean, log_var)
    return z, extra

  def draw(apply, params, extra, rng, outputs, *, prior, train):
    found = {}

    def noise_of(level, *above):
      mean, log_var = _weighed(outputs[level], above) if level < len(dims) - 1 else outputs[level]
      e = losses.reparameterize(losses.fold_in(rng, level), mean=mean, log_var=log_var)
      found[level] = e, mean, log_var
      return e

    z, extra = descend(apply, params, extra, noise_of, train)
    e, mean, log_var = (jnp.concatenate([found[i][part] for i in range(len(dims))], -1) for part in range(3))
    log_prior, extra = prior.log_prob(apply, params, extra, e, train=train)
    log_weight = log_prior - losses.log_normal(e, mean=mean, log_var=log_var)
    kl = prior.kl(apply, params, extra, mean, log_var)
    of_levels = {
      f'kl_level_{i + 1}': kl[:, a:b].sum(-1) for i, (a, b) in enumerate(itertools.pairwise(edges))
    }
    return Drawn(z, kl.sum(-1), log_weight, metrics=of_levels, kl_per_latent=kl), extra

  def center(apply, params, extra, outputs):
    means = {}

    def noise_of(level, *above):
      means[level] = _weighed(outputs[level], above)[0] if level < len(dims) - 1 else outputs[level][0]
      return means[level]

    descend(apply, params, extra, noise_of, train=False)
    return jnp.concatenate([means[i] for i in range(len(dims))], -1)

  def embed(apply, params, extra, latents):
    return descend(
      apply, params, extra, lambda level, *_: latents[:, edges[level] : edges[level + 1]], False
    )[0]

  part = Part(top_down, lambda: (tuple(jnp.zeros((1, dim)) for dim in dims[1:]),), 'all_levels')
  blank = lambda num: jnp.zeros((num, dims[0]))  # noqa: E731
  return Posterior(draw, center, embed, blank, levels=tuple(dims), parts={'top_down': part})


def _weighed(below, above):
  """Mean and log-variance of e, what is in the middle of N(*below) and N(*above), both as mean and log-variance, by
  their precisions: with r = log(s^2 / t^2) its variance is 1 / (1 + exp(r)), which overflows for no r."""
  (mean, log_var), (prior_mean, prior_log_var) = below, above
  r = prior_log_var - log_var
  return jax.nn.sigmoid(r) * (mean - prior_mean) * jnp.exp(-prior_log_var / 2), jax.nn.log_sigmoid(-r)
