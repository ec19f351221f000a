"""The slot of a variational autoencoder for p(z)."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgen.bijectors import Bijector, transforms
from jaxgen.bijectors.bijector import shape_through
from jaxgen.families import conditions
from jaxgen.families.flow.base import MeanAndLogScale
from jaxgen.families.networks import Part
from jaxgen.losses import vae as losses
from jaxgen.types import DataSpec

_LOG_SCALE = transforms.bounded_log_scale(10.0)
_FAR = 1e6  # of a latent, from where on a flow's networks are not asked: each multiplies what it hears


class Prior(NamedTuple):
  """The distribution of the latents, fixed or learned, and under the conditions of each example where it depends on
  them: `given` is what `jaxgen.families.conditions.prepared` makes of them, of as many examples as there are latents.

  Attributes:
    name: in words.
    log_prob: `(apply, params, extra, latents, *, given, train) -> (f32[B], extra)`, log p(z) in nats; `apply` is that
      of `jaxgen.families.networks`, which a learned prior reaches its networks through.
    sample: `(apply, params, extra, rng, num, *, given, **knobs) -> latents`, of leading axis num.
    kl: `(apply, params, extra, mean, log_var, *, given) -> f32[B, D]`, KL(N(mean, diag(exp(log_var))) || p) in nats,
      latent by latent, where it has a closed form; without one it is estimated by the draw of z.
    knobs: what one may turn when sampling, with the defaults.
    parts: its networks, by the names that they have in `params`.
    conditional: whether it depends on the conditions.
    mean: `(apply, params, extra, *, given) -> f32[B, D]`, that under the conditions of each example; None where it is
      the same for all, or unknown.
  """

  name: str
  log_prob: Callable[..., tuple[jax.Array, Any]]
  sample: Callable[..., Any]
  kl: Callable[..., jax.Array] | None = None
  knobs: Mapping[str, float] = MappingProxyType({})
  parts: Mapping[str, Part] = MappingProxyType({})
  conditional: bool = False
  mean: Callable[..., jax.Array] | None = None

  def under(self, given: Mapping[str, jax.Array]) -> 'Prior':
    """That of examples of these conditions: its functions ask for them no more."""
    return self._replace(
      log_prob=partial(self.log_prob, given=given),
      sample=partial(self.sample, given=given),
      kl=self.kl and partial(self.kl, given=given),
      mean=self.mean and partial(self.mean, given=given),
    )


def standard_normal(latent_dim: int) -> Prior:
  """N(0, I) of f32[latent_dim]; the temperature is the standard deviation of what is sampled."""

  def log_prob(apply, params, extra, z, *, given, train):
    del apply, params, given, train
    return losses.log_normal(z, mean=jnp.zeros_like(z), log_var=jnp.zeros_like(z)), extra

  def sample(apply, params, extra, rng, num, *, given, temperature=1.0):
    del apply, params, extra, given
    return temperature * jax.random.normal(rng, (num, latent_dim))

  def kl(apply, params, extra, mean, log_var, *, given):
    del apply, params, extra, given
    one_by_one = losses.kl_standard_normal(mean=mean.reshape(-1, 1), log_var=log_var.reshape(-1, 1))
    return one_by_one.reshape(mean.shape)

  return Prior('N(0, I)', log_prob, sample, kl, knobs={'temperature': 1.0})


def class_conditional(latent_dim: int, given: DataSpec, label: str = 'label') -> Prior:
  """N(mean_y, diag(std_y^2)) with a learned mean and deviation for each class y; all of them start as N(0, I).

  The temperature multiplies the deviation of what is sampled.

  Args:
    latent_dim: the numbers in z.
    given: the fields that are conditions.
    label: the name of the one that y is, of kind 'label'.

  Raises:
    ValueError: if there is no such label among the conditions.
  """
  if label not in given or given[label].kind != 'label':
    raise ValueError(
      f'a prior for each class needs {label}, a label, among the conditions; there are: {", ".join(given) or "none"}.'
    )

  def log_prob(apply, params, extra, z, *, given, train):
    (mean, log_scale), extra = apply('prior', params, extra, z, given, train=train)
    return _log_normal(z, mean, log_scale), extra

  def sample(apply, params, extra, rng, num, *, given, temperature=1.0):
    noise = jax.random.normal(rng, (num, latent_dim))
    (mean, log_scale), _ = apply('prior', params, extra, noise, given, train=False)
    return mean + temperature * jnp.exp(log_scale) * noise

  def kl(apply, params, extra, mean, log_var, *, given):
    (prior_mean, log_scale), _ = apply('prior', params, extra, mean, given, train=False)
    of_both = dict(mean=mean, log_var=log_var, prior_mean=prior_mean, prior_log_var=2 * log_scale)
    one_by_one = losses.kl_normal(**{name: value.reshape(-1, 1) for name, value in of_both.items()})
    return one_by_one.reshape(mean.shape)

  def mean(apply, params, extra, *, given):
    like = jnp.zeros((len(given[label]), latent_dim))
    return apply('prior', params, extra, like, given, train=False)[0][0]

  part = Part(MeanAndLogScale(label), lambda: (jnp.zeros((1, latent_dim)), conditions.blank(given)))
  return Prior(
    f'a normal for each {label}',
    log_prob,
    sample,
    kl,
    knobs={'temperature': 1.0},
    parts={'prior': part},
    conditional=True,
    mean=mean,
  )


class Components(nn.Module):
  """Those of a mixture: log-weights f32[num], means and logarithms of the deviations f32[num, latent_dim].

  They begin alike in weight and width, with means that are draws of N(0, I): from one place they would never part.
  """

  num: int
  latent_dim: int

  @nn.compact
  def __call__(self, train: bool) -> tuple[jax.Array, jax.Array, jax.Array]:
    del train
    shape, zeros = (self.num, self.latent_dim), nn.initializers.zeros_init()
    logits = self.param('logits', zeros, (self.num,))
    mean = self.param('mean', nn.initializers.normal(1.0), shape)
    return jax.nn.log_softmax(logits), mean, _LOG_SCALE(self.param('log_scale', zeros, shape))


def mixture(components: int, latent_dim: int) -> Prior:
  """A mixture of diagonal Gaussians, learned with the autoencoder: a soft clustering of the latents.

  As of Tomczak & Welling, "VAE with a VampPrior" (2018), the baseline of section 4.3, of learned weights here. The
  temperature multiplies the deviations within a component. Draws have no gradient in the weights: an objective that
  compares draws alone, as InfoVAE with alpha = 1, leaves these as they began.

  Raises:
    ValueError: if there is no component.
  """
  if components < 1:
    raise ValueError(f'a mixture needs at least 1 component, not {components}.')

  def log_prob(apply, params, extra, z, *, given, train):
    del given
    (log_weights, mean, log_scale), extra = apply('prior', params, extra, train=train)
    log_densities = jax.vmap(partial(_log_normal, z), out_axes=1)(mean, log_scale)  # [B, components]
    return jax.nn.logsumexp(log_weights + log_densities, axis=1), extra

  def sample(apply, params, extra, rng, num, *, given, temperature=1.0):
    del given
    (log_weights, mean, log_scale), _ = apply('prior', params, extra, train=False)
    component_rng, noise_rng = jax.random.split(rng)
    chosen = jax.random.categorical(component_rng, log_weights, shape=(num,))
    noise = jax.random.normal(noise_rng, (num, latent_dim))
    return mean[chosen] + temperature * jnp.exp(log_scale[chosen]) * noise

  part = Part(Components(components, latent_dim), lambda: ())
  name = f'a mixture of {components} normals'
  return Prior(name, log_prob, sample, knobs={'temperature': 1.0}, parts={'prior': part})


def _log_normal(z, mean, log_scale):
  """f32[B] of z f32[B, D]; mean and log_scale broadcast to it. By what is left of z, so that a z that is as large as an
  encoder can make it has a finite gradient: that of a variance is its square."""
  log_scale = jnp.broadcast_to(log_scale, z.shape)
  white = (z - mean) * jnp.exp(-log_scale)
  return losses.log_normal(white, mean=jnp.zeros_like(z), log_var=jnp.zeros_like(z)) - log_scale.sum(-1)


def flow_prior(bijector: Bijector, latent_dim: int) -> Prior:
  """A flow that is learned with the autoencoder: `log p(z) = log N(f(z); 0, I) + log|det df/dz|`.

  As of Chen et al., "Variational lossy autoencoder" (2017), section 3.2. The temperature is the standard deviation of
  the noise that draws are made of. Of latents beyond 1e6 the density goes on as that of a normal, so that it has a
  finite gradient wherever an encoder sends them.

  Args:
    bijector: f, from latents to noise, f32[B, latent_dim] both, without conditions, in both directions.
    latent_dim: the numbers in z.

  Raises:
    ValueError: if the bijector lacks a direction, one is needed for training and the other for samples, or cannot take
      such latents.
  """
  if not (bijector.has_forward and bijector.has_inverse):
    raise ValueError('a prior is trained and drawn from, and needs a bijector with both directions.')
  shape_through(bijector, (latent_dim,), 'prior')

  def log_prob(apply, params, extra, z, *, given, train):
    del given
    near = jnp.clip(z, -_FAR, _FAR)
    (e, log_det), extra = apply('prior', params, extra, near, train=train, method='forward_and_log_det')
    beyond = jnp.square(z - near).sum(-1) / 2
    return losses.log_normal(e, mean=jnp.zeros_like(e), log_var=jnp.zeros_like(e)) + log_det - beyond, extra

  def sample(apply, params, extra, rng, num, *, given, temperature=1.0):
    del given
    e = temperature * jax.random.normal(rng, (num, latent_dim))
    return apply('prior', params, extra, e, train=False, method='inverse_and_log_det')[0][0]

  part = Part(bijector, lambda: (jnp.zeros((1, latent_dim)),), 'forward_and_log_det')
  return Prior('a flow upon N(0, I)', log_prob, sample, knobs={'temperature': 1.0}, parts={'prior': part})


def uniform_codes(num_codes: int, shape: tuple[int, ...]) -> Prior:
  """All codes alike, i32[*shape] in [0, num_codes): where no prior has been learned yet."""

  def log_prob(apply, params, extra, codes, *, given, train):
    del apply, params, given, train
    return jnp.full(len(codes), -math.prod(shape) * math.log(num_codes)), extra

  def sample(apply, params, extra, rng, num, *, given):
    del apply, params, extra, given
    return jax.random.randint(rng, (num, *shape), 0, num_codes)

  return Prior('uniform codes', log_prob, sample)
