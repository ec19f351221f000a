"""What a score network's outputs mean: the score, the noise, the clean data, the velocity of the path, or a correction
to a Gaussian's score. Each is made a score of, and a score of each, exactly; so each converts into each other."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.families.score.frames import Frame


class Parameterization(NamedTuple):
  """How a network makes a score: it sees `inputs`, and `score` is made of what it says.

  Attributes:
    inputs: `(x f32[B, ...], sigma f32[B], scale f32[B]) -> f32[B, ...]`; the scale is that of the path,
      `jaxgen.families.score.paths.Path.scale`.
    score: `(outputs f32[B, ...], x, sigma) -> f32[B, ...]`, the score of the data blurred by sigma at x.
    outputs: `(score f32[B, ...], x, sigma) -> f32[B, ...]`, the other way: what a network says that makes this score.
  """

  inputs: Callable[[jax.Array, jax.Array, jax.Array], jax.Array]
  score: Callable[[jax.Array, jax.Array, jax.Array], jax.Array]
  outputs: Callable[[jax.Array, jax.Array, jax.Array], jax.Array]


def converted(
  outputs: jax.Array, x: jax.Array, sigma: jax.Array, by: Parameterization, to: Parameterization
) -> jax.Array:
  """What a network would say of one parameterization that says `outputs`, f32[B, ...], by another; at x and sigma."""
  return to.outputs(by.score(outputs, x, sigma), x, sigma)


def score() -> Parameterization:
  """The outputs are the score (Song & Ermon 2019)."""
  return Parameterization(_scaled, lambda outputs, x, sigma: outputs, lambda score, x, sigma: score)


def noise() -> Parameterization:
  """The outputs are the noise e of `x + sigma e`: `s = -F / sigma` (Ho et al. 2020, equation 11)."""
  return Parameterization(
    _scaled,
    lambda outputs, x, sigma: -outputs / _along(sigma, x),
    lambda score, x, sigma: -_along(sigma, x) * score,
  )


def data() -> Parameterization:
  """The outputs are the mean of the clean data: `s = (F - x) / sigma^2` (Tweedie's formula)."""
  return Parameterization(
    _scaled,
    lambda outputs, x, sigma: (outputs - x) / _along(sigma, x) ** 2,
    lambda score, x, sigma: x + _along(sigma, x) ** 2 * score,
  )


def velocity(frame: Frame) -> Parameterization:
  """The outputs are the velocity of the path, `a e - b x` at the point `y = x + sigma e` (see
  `jaxgen.families.score.frames`): of a straight path `e - x` (Liu et al. 2023), of a variance-preserving one the v of
  Salimans & Ho 2022.

  `e = (F + b y) / (a + b sigma)`, and the score is `-e / sigma`.

  Args:
    frame: of the path.
  """

  def terms(x, sigma):
    a, b = frame.velocity(sigma)
    return _along(b, x) * x, _along(sigma * (a + b * sigma), x)

  def of(outputs, x, sigma):
    point, factor = terms(x, sigma)
    return -(outputs + point) / factor

  def back(score, x, sigma):
    point, factor = terms(x, sigma)
    return -factor * score - point

  return Parameterization(_scaled, of, back)


def preconditioned(sigma_data: float) -> Parameterization:
  """A network that sees inputs, and gives outputs, of order one at every noise level, whatever the path.

  Of Karras et al. 2022 (equation 7, table 1): with `t^2 = sigma_data^2 + sigma^2`,

      D = c_skip x + c_out F(c_in x),   c_skip = sigma_data^2 / t^2,   c_out = sigma sigma_data / t,   c_in = 1 / t,

  written for the score `(D - x) / sigma^2`, in which nothing near is subtracted where sigma is small:
  `s = -x / t^2 + F(x / t) sigma_data / (sigma t)`, the score of Gaussian data and a correction. Their
  `c_noise = log(sigma) / 4` is the network's, which sees sigma and embeds its logarithm.

  Args:
    sigma_data: the standard deviation of the data.
  """

  def total(x, sigma):
    return jnp.sqrt(sigma_data**2 + _along(sigma, x) ** 2)

  def of(outputs, x, sigma):
    t = total(x, sigma)
    return -x / t**2 + outputs * sigma_data / (_along(sigma, x) * t)

  def back(score, x, sigma):
    t = total(x, sigma)
    return (score + x / t**2) * _along(sigma, x) * t / sigma_data

  return Parameterization(lambda x, sigma, scale: x / total(x, sigma), of, back)


# `(frame of the path, sigma_data) -> Parameterization`, by the names of `config.model.parameterization`
PARAMETERIZATIONS: dict[str, Callable[[Frame, float], Parameterization]] = {
  'score': lambda frame, sigma_data: score(),
  'noise': lambda frame, sigma_data: noise(),
  'data': lambda frame, sigma_data: data(),
  'velocity': lambda frame, sigma_data: velocity(frame),
  'preconditioned': lambda frame, sigma_data: preconditioned(sigma_data),
}


def _scaled(x, sigma, scale):
  del sigma
  return _along(scale, x) * x


def _along(numbers, x):
  return numbers.reshape((-1,) + (1,) * (x.ndim - 1))
