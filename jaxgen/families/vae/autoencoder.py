"""The networks and slots of a variational autoencoder, and how they are reached."""

import math
from typing import Any, NamedTuple

import jax

from jaxgen.families import conditions
from jaxgen.families.networks import Apply
from jaxgen.families.pixels import to_network
from jaxgen.families.vae.likelihood import Likelihood
from jaxgen.families.vae.objective import Objective
from jaxgen.families.vae.posterior import Posterior
from jaxgen.families.vae.prior import Prior
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

  @property
  def has_density(self) -> bool:
    """Whether there is a bound on log p(x)."""
    return self.likelihood.log_volume is not None and self.posterior.has_density

  @property
  def log_volume(self) -> float:
    """What makes the log-density on the unit cube of -nll, in nats."""
    return math.prod(self.x.shape) * (self.likelihood.log_volume or 0.0)


def encoded(model: Autoencoder, params: Params, extra: Extra, batch: Batch) -> Any:
  """The encoder's outputs for a batch."""
  inputs = to_network(batch['x'], model.x.levels), conditions.prepared(batch, model.given)
  return model.apply('encoder', params, extra, *inputs, train=False)[0]


def decoded(model: Autoencoder, params: Params, extra: Extra, z: Any, given: Batch) -> jax.Array:
  """The decoder's outputs for what it takes, f32[B, *shape, num_outputs]; `given` is prepared."""
  return model.apply('decoder', params, extra, z, given, train=False)[0]


def shown(model: Autoencoder, rng: PRNGKey, outputs: jax.Array) -> jax.Array:
  """Outputs as examples: the mean, and of continuous data, whose density is what one looks at, a draw."""
  return model.likelihood.mean(outputs) if model.x.levels else model.likelihood.draw(rng, outputs)
