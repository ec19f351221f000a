"""The networks and slots of a variational autoencoder, and how they are reached."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.families import conditions
from jaxgen.families.networks import Apply
from jaxgen.families.pixels import to_network
from jaxgen.families.vae.likelihood import Likelihood
from jaxgen.families.vae.objective import Objective
from jaxgen.families.vae.posterior import Posterior
from jaxgen.families.vae.prior import Prior
from jaxgen.fields import OBSERVED
from jaxgen.types import Batch, DataSpec, Extra, Field, Params, PRNGKey


class Autoencoder(NamedTuple):
  """The slots of `jaxgen.families.vae.vae`, and the way to its networks."""

  apply: Apply
  prior: Prior
  posterior: Posterior
  objective: Objective
  likelihood: Likelihood
  x: Field
  given: DataSpec
  has_gaps: bool = False  # the mask `fields.OBSERVED` of a batch says which entries of x there are

  @property
  def has_density(self) -> bool:
    """Whether there is a bound on log p(x)."""
    return self.likelihood.log_volume is not None and self.posterior.has_density

  @property
  def log_volume(self) -> float:
    """What makes the log-density on the unit cube of -nll, in nats."""
    return math.prod(self.x.shape) * (self.likelihood.log_volume or 0.0)


def seen(model: Autoencoder, batch: Batch) -> tuple[jax.Array, Mapping[str, jax.Array]]:
  """What the encoder sees of a batch: x f32[B, *shape], and the conditions.

  Where entries are missing x is 0, and the mask stands beside the conditions (Mattei & Frellsen, "MIWAE", 2019;
  Nazabal et al. 2020).
  """
  x, given = to_network(batch['x'], model.x.levels), conditions.prepared(batch, model.given)
  if not model.has_gaps:
    return x, given
  observed = batch[OBSERVED]
  return jnp.where(observed, x, 0), {**given, OBSERVED: observed.astype(jnp.float32)}


def target(model: Autoencoder, batch: Batch) -> tuple[jax.Array, ...]:
  """What the likelihood is of: x, and which of its entries there are if not all."""
  return (batch['x'], batch[OBSERVED] != 0) if model.has_gaps else (batch['x'],)


def encoded(model: Autoencoder, params: Params, extra: Extra, batch: Batch) -> Any:
  """The encoder's outputs for a batch."""
  return model.apply('encoder', params, extra, *seen(model, batch), train=False)[0]


def decoded(model: Autoencoder, params: Params, extra: Extra, z: Any, given: Batch) -> jax.Array:
  """The decoder's outputs for what it takes, f32[B, *shape, num_outputs]; `given` is prepared."""
  return model.apply('decoder', params, extra, z, given, train=False)[0]


def shown(model: Autoencoder, rng: PRNGKey, outputs: jax.Array) -> jax.Array:
  """Outputs as examples: the mean, and of continuous data, whose density is what one looks at, a draw."""
  return model.likelihood.mean(outputs) if model.x.levels else model.likelihood.draw(rng, outputs)
