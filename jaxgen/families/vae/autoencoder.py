"""The networks and slots of a variational autoencoder, and how they are reached."""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.families import conditions, padding
from jaxgen.families.networks import Apply
from jaxgen.families.vae.decoding import Decoding, Known, Pick
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
  decoding: Decoding
  x: Field
  given: DataSpec
  has_gaps: bool = False  # the mask `fields.OBSERVED` of a batch says which entries of x there are
  padded: bool = False  # of sequences it says which places hold the example, see `jaxgen.families.padding`
  end: int | None = None  # the token that ends them

  @property
  def has_density(self) -> bool:
    """Whether there is a bound on log p(x)."""
    return self.likelihood.log_volume is not None and self.posterior.has_density

  @property
  def log_volume(self) -> float:
    """What makes the log-density on the unit cube of -nll, in nats. Of sequences of different lengths nothing: there it
    is the log-mass that is told, see `jaxgen.families.padding`."""
    return 0.0 if self.padded else math.prod(self.x.shape) * (self.likelihood.log_volume or 0.0)

  @property
  def shows_draws(self) -> bool:
    """Whether a sample is a draw from p(x|z), and not its mean: of continuous data, whose density is what one looks at,
    and where entries depend on each other given z."""
    return not self.x.levels or self.decoding.draws

  @property
  def knobs(self) -> Mapping[str, float]:
    """What one may turn when sampling."""
    return {**self.prior.knobs, **(self.likelihood.knobs if self.shows_draws else {})}


def seen(model: Autoencoder, batch: Batch) -> tuple[jax.Array, Mapping[str, jax.Array]]:
  """What the encoder sees of a batch: x [B, *shape], pixels in [-1, 1] and tokens as they are, and the conditions.

  Where entries are missing x is 0, and the mask stands beside the conditions (Mattei & Frellsen, "MIWAE", 2019;
  Nazabal et al. 2020). Of sequences it tells what fills them up.
  """
  x, given = conditions.prepared(batch, {'x': model.x})['x'], conditions.prepared(batch, model.given)
  if model.padded:
    return x, {**given, OBSERVED: padding.observed(batch, model.end).astype(jnp.float32)}
  if not model.has_gaps:
    return x, given
  observed = batch[OBSERVED]
  return jnp.where(observed, x, 0), {**given, OBSERVED: observed.astype(jnp.float32)}


def target(model: Autoencoder, batch: Batch) -> tuple[jax.Array, ...]:
  """What the likelihood is of: x, and which of its entries there are if not all."""
  if model.padded:
    return batch['x'], padding.observed(batch, model.end)
  return (batch['x'], batch[OBSERVED] != 0) if model.has_gaps else (batch['x'],)


def encoded(model: Autoencoder, params: Params, extra: Extra, batch: Batch) -> Any:
  """The encoder's outputs for a batch."""
  return model.apply('encoder', params, extra, *seen(model, batch), train=False)[0]


def decoded(
  model: Autoencoder, params: Params, extra: Extra, z: Any, given: Batch, *reads: jax.Array
) -> jax.Array:
  """The decoder's outputs for what it takes, f32[B, *shape, num_outputs]: z, and what it reads of the examples by the
  slot `decoding`; `given` is prepared."""
  return model.apply('decoder', params, extra, z, *reads, given, train=False)[0]


def written(
  model: Autoencoder,
  params: Params,
  extra: Extra,
  rng: PRNGKey,
  z: Any,
  given: Batch,
  pick: Pick,
  known: Known | None = None,
) -> jax.Array:
  """Examples that the decoder writes for z, x[B, *shape], in which what is known stays; `given` is prepared."""

  def run(*args, method=None):
    return model.apply('decoder', params, extra, z, *args, train=False, method=method)[0]

  return model.decoding.write(run, given, pick, rng, len(jax.tree.leaves(z)[0]), known)


def mean(model: Autoencoder) -> Pick:
  """The mean, or the mode, of what the decoder's outputs describe."""
  return lambda rng, outputs: model.likelihood.mean(outputs)


def shown(model: Autoencoder, **knobs: float) -> Pick:
  """What a person is shown: the mean, or a draw; the knobs are the likelihood's. See `Autoencoder.shows_draws`."""
  return partial(model.likelihood.draw, **knobs) if model.shows_draws else mean(model)
