"""What a decoder's outputs mean: the likelihoods p(x|z) of a variational autoencoder, on data as it comes."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen import fields
from jaxgen.losses import vae as losses
from jaxgen.losses.autoregressive import categorical_nll
from jaxgen.types import Field


class Likelihood(NamedTuple):
  """A distribution over one example, given the decoder's outputs f32[B, *shape, num_outputs].

  `x` is what the data layer gives: whole numbers [B, *shape] in [0, levels), or f32[B, D] if levels is 0.

  Attributes:
    name: with its parameters, for the objective.
    num_outputs: the numbers that the decoder gives for each entry of x.
    nll: `(rng, outputs, x, observed=None) -> f32[B]`, -log p(x|z) in nats, with a mask bool[B, *shape] of the entries
      alone that it marks. The key draws the dequantization noise.
    mean: `outputs -> x`, the picture that the outputs describe.
    draw: `(rng, outputs, **knobs) -> x`, a draw from p(x|z).
    log_volume: added for each dimension to -nll it gives the log-density on the unit cube (of x itself if levels is
      0); None where nll is not the likelihood of such data.
    noise_draws: the draws of dequantization noise behind one nll, 1 or 0.
    mean_of_mixture: `(outputs f32[K, B, *shape, num_outputs], weights f32[K, B]) -> x`, of K distributions by weights
      that sum to 1: the mean, of categories the most probable one; None where it is not told.
    knobs: what one may turn when drawing, with the defaults.
  """

  name: str
  num_outputs: int
  nll: Callable[..., jax.Array]
  mean: Callable[[jax.Array], jax.Array]
  draw: Callable[..., jax.Array]
  log_volume: float | None
  noise_draws: int = 0
  mean_of_mixture: Callable[[jax.Array, jax.Array], jax.Array] | None = None
  knobs: Mapping[str, float] = MappingProxyType({})


def bernoulli(field: Field) -> Likelihood:
  """Cross-entropy on the intensities x / (levels - 1); a likelihood only of binary data, `levels = 2`.

  Raises:
    ValueError: if the data is continuous.
  """
  levels = _discrete('bernoulli', field)

  def nll(rng, outputs, x, observed=None):
    del rng
    intensity = x.astype(jnp.float32) / (levels - 1)
    return losses.bernoulli_nll(intensity, logits=outputs[..., 0], observed=observed)

  def draw(rng, outputs):
    on = jax.random.bernoulli(rng, jax.nn.sigmoid(outputs[..., 0]))
    return (on * (levels - 1)).astype(fields.dtype(field))

  def mean(outputs):
    return _nearest_level(jax.nn.sigmoid(outputs[..., 0]), field)

  return Likelihood('bernoulli', 1, nll, mean, draw, math.log(2) if levels == 2 else None)


def gaussian(field: Field, sigma: float) -> Likelihood:
  """N(mean, sigma^2) on dequantized pixels (u + U[0, 1)) / levels, or on continuous data.

  Raises:
    ValueError: if sigma is not positive.
  """
  return _dequantized('gaussian', 'sigma', field, sigma, losses.gaussian_nll, jax.random.normal)


def laplace(field: Field, scale: float) -> Likelihood:
  """Laplace(mean, scale) on dequantized pixels (u + U[0, 1)) / levels, or on continuous data.

  Raises:
    ValueError: if the scale is not positive.
  """
  return _dequantized('laplace', 'scale', field, scale, losses.laplace_nll, jax.random.laplace)


def discretized_logistic(field: Field) -> Likelihood:
  """A logistic distribution over the levels; the decoder gives its mean and its log-scale, pixel by pixel.

  The log-scale is kept above PixelCNN++'s floor of -7 (Salimans et al. 2017), whose pixels lie in [-1, 1]: in the unit
  interval of this likelihood that is -7 - log 2.

  Raises:
    ValueError: if the data is continuous.
  """
  levels = _discrete('discretized_logistic', field)

  def split(outputs):
    # At initialization a middling grey, of a scale of 0.37.
    return outputs[..., 0] + 0.5, jnp.clip(outputs[..., 1] - 1.0, -7.0 - math.log(2), 7.0)

  def nll(rng, outputs, x, observed=None):
    del rng
    mean, log_scale = split(outputs)
    return losses.discretized_logistic_nll(
      x, mean=mean, log_scale=log_scale, levels=levels, observed=observed
    )

  def draw(rng, outputs):
    mean, log_scale = split(outputs)
    return _nearest_level(mean + jnp.exp(log_scale) * jax.random.logistic(rng, mean.shape), field)

  def mean(outputs):
    return _nearest_level(split(outputs)[0], field)

  return Likelihood('discretized_logistic', 2, nll, mean, draw, math.log(levels))


def categorical(field: Field) -> Likelihood:
  """A softmax over the values of every entry, whose logits the decoder gives: of tokens, whose order means nothing.

  The knob `token_temperature` T draws from p^(1/T), normalized; at 0 from the mode, which is the mean.

  Raises:
    ValueError: if the data is continuous.
  """
  levels = _discrete('categorical', field)

  def nll(rng, outputs, x, observed=None):
    del rng
    return categorical_nll(outputs, x, observed)

  def mean(outputs):
    return jnp.argmax(outputs, -1).astype(fields.dtype(field))

  def draw(rng, outputs, token_temperature=1.0):
    # by a temperature of 0 nothing can be divided: at a millionth the mode prevails over all but ties
    logits = outputs.astype(jnp.float32) / jnp.maximum(token_temperature, 1e-6)
    return jax.random.categorical(rng, logits).astype(fields.dtype(field))

  name, knobs = f'categorical over {levels} values', {'token_temperature': 1.0}
  return Likelihood(name, levels, nll, mean, draw, math.log(levels), knobs=knobs)


# `(field, scale) -> Likelihood`; the scale is that of the fixed-width ones
LIKELIHOODS: dict[str, Callable[[Field, float], Likelihood]] = {
  'bernoulli': lambda field, scale: bernoulli(field),
  'gaussian': gaussian,
  'laplace': laplace,
  'discretized_logistic': lambda field, scale: discretized_logistic(field),
  'categorical': lambda field, scale: categorical(field),
}


def _dequantized(name, parameter, field, scale, nll_of, noise) -> Likelihood:
  levels = field.levels
  if scale <= 0:
    raise ValueError(f'the {parameter} of a {name} likelihood must be positive, not {scale}.')

  def center(outputs):
    # pixels lie in the unit interval; continuous data lies anywhere
    return jax.nn.sigmoid(outputs[..., 0]) if levels else outputs[..., 0]

  def to_data(y):
    return jnp.clip(jnp.floor(y * levels), 0, levels - 1).astype(fields.dtype(field)) if levels else y

  def nll(rng, outputs, x, observed=None):
    x = x.astype(jnp.float32)
    y = (x + jax.random.uniform(rng, x.shape)) / levels if levels else x
    return nll_of(y, mean=center(outputs), observed=observed, **{parameter: scale})

  def draw(rng, outputs):
    mean = center(outputs)
    return to_data(mean + scale * noise(rng, mean.shape))

  return Likelihood(
    name=f'{name}, {parameter} {scale:g}',
    num_outputs=1,
    nll=nll,
    mean=lambda outputs: to_data(center(outputs)),
    draw=draw,
    log_volume=0.0,
    noise_draws=int(levels > 0),
    mean_of_mixture=None
    if levels
    else lambda outputs, weights: jnp.einsum('kb,kb...->b...', weights, center(outputs)),
  )


def _nearest_level(intensity, field):
  top = field.levels - 1
  return jnp.clip(jnp.round(intensity * top), 0, top).astype(fields.dtype(field))


def _discrete(name, field):
  if field.levels < 2:
    raise ValueError(f'a {name} likelihood needs pixels of at least 2 levels; this data is continuous.')
  return field.levels
