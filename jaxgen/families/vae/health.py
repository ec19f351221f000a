"""What the latents of an autoencoder hold, and what is wrong with them in words."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxgen.families import conditions
from jaxgen.families.vae.autoencoder import Autoencoder, encoded
from jaxgen.types import Batch, Extra, Metrics, Params, PRNGKey

_ACTIVE = 0.01  # of the variance of its mean; Burda et al. saw no unit near it
_FAR = 100.0  # beyond it a square in float32 is coarser than what tells an active unit
_DEAD = 0.95  # share of the latents; a healthy autoencoder may leave most of those that it has no use for
_NO_KL = 0.1  # nats
_LOOSE = 1.0  # of the KL: as far from the true posterior as from the prior
_COLLAPSED = (
  'and the decoder does without what it could be told. Lower config.model.kl_weight, let it rise more slowly '
  '(config.model.kl_warmup_steps), or take a weaker decoder.'
)


def of_latents(model: Autoencoder, params: Params, extra: Extra, rng: PRNGKey, batch: Batch) -> Metrics:
  """Terms that are one number for each of D latents, f32[B, D], of which `summary` makes numbers of a split.

  `latent_mean` and `latent_square` are the center of the posterior and its square, of a conditional prior less the
  prior's mean, and at most 100 off; `kl_per_latent`, in nats, is there where KL(q(z|x) || p(z)) is known latent by
  latent.
  """
  outputs = encoded(model, params, extra, batch)
  center = model.posterior.center(model.apply, params, extra, outputs)
  prior = model.prior.under(conditions.prepared(batch, model.given))
  drawn, _ = model.posterior.draw(model.apply, params, extra, rng, outputs, prior=prior, train=False)
  if prior.mean:
    center = center - prior.mean(model.apply, params, extra)
  center = jnp.clip(center, -_FAR, _FAR)
  kl = {} if drawn.kl_per_latent is None else {'kl_per_latent': drawn.kl_per_latent}
  return {**kl, 'latent_mean': center, 'latent_square': jnp.square(center)}


def summary(means: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
  """The numbers of a row: means over a split, with those of `of_latents` as `active_units` and `dead_latents`.

  A latent is active where the variance over examples of its posterior mean is above 0.01 (Burda et al., "Importance
  weighted autoencoders", 2016, section 5.2 and appendix C), under a conditional prior of what it adds to the prior's
  mean: what follows from the condition alone is no work of the encoder. `dead_latents` is the share of the others.
  """
  numbers = {name: mean for name, mean in means.items() if name not in ('latent_mean', 'latent_square')}
  active = means['latent_square'] - means['latent_mean'] ** 2 > _ACTIVE
  return {**numbers, 'active_units': active.sum(), 'dead_latents': 1 - active.mean()}


def health(train: Mapping[str, Any], held_out: Mapping[str, Any], seen: Mapping[str, Any]) -> list[str]:
  """A sentence for each thing that is bad; none of a healthy autoencoder.

  The posterior has collapsed where it is the prior, or where (nearly) all latents are dead. It is far from the true one
  where the bound of one draw lies beneath the importance-weighted one, which estimates KL(q(z|x) || p(z|x)), by more
  than KL(q(z|x) || p(z)).

  Args:
    train: the means over the last steps, by the names of the metrics.
    held_out: those of `summary` over the split that is held out.
    seen: the same over training examples.
  """
  del train, seen
  found, kl = [], held_out['kl']
  if kl < _NO_KL:
    found.append(f'The KL is {kl:.3g} nats: the posterior has collapsed to the prior, {_COLLAPSED}')
  elif held_out['dead_latents'] > _DEAD:
    dead = f'{held_out["dead_latents"]:.0%} of the latents are the same for all examples'
    found.append(f'{dead}, at a KL of {kl:.3g} nats: the posterior has collapsed, {_COLLAPSED}')
  gap = held_out.get('bound_gap', 0.0)
  if gap > max(1.0, _LOOSE * kl):
    found.append(
      f'The bound of one draw lies {gap:.3g} nats beneath the importance-weighted one, of a KL of {kl:.3g} nats: on '
      'held-out examples the posterior is farther from the true one than from the prior. Train on more examples, or '
      'give it a wider encoder or a flow (jaxgen.models.vae.iaf_vae).'
    )
  return found
