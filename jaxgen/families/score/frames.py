"""How paths scale what is blurred: all are `scale (x + sigma e)`, sigma being the noise relative to the data."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp


class Frame(NamedTuple):
  """The scale of a path, and what moves on it.

  Attributes:
    scale: `sigma f32[B] -> f32[B]`, falling in sigma, 1 at 0.
    velocity: `sigma f32[B] -> (a f32[B], b f32[B])`: the point `scale (x + sigma e)` moves with `a e - b x`, by a time
      of the path that each frame names.
  """

  scale: Callable[[jax.Array], jax.Array]
  velocity: Callable[[jax.Array], tuple[jax.Array, jax.Array]]


def exploding() -> Frame:
  """`x + sigma e`; its time is sigma, and its velocity the noise."""
  return Frame(jnp.ones_like, lambda sigma: (jnp.ones_like(sigma), jnp.zeros_like(sigma)))


def preserving() -> Frame:
  """`sqrt(alpha_bar) x + sqrt(1 - alpha_bar) e`, of variance one for data of variance one (Ho et al. 2020, equation 4).

  `alpha_bar = 1 / (1 + sigma^2)`. Its time is the angle phi with `cos(phi) = sqrt(alpha_bar)`, so that its velocity is
  `cos(phi) e - sin(phi) x` (Salimans & Ho 2022, appendix D).
  """

  def scale(sigma):
    return 1 / jnp.sqrt(1 + sigma**2)

  return Frame(scale, lambda sigma: (scale(sigma), scale(sigma) * sigma))


def sub_preserving() -> Frame:
  """`s x + (1 - s^2) e` with `s = sqrt(alpha_bar)`, of less variance (Song et al. 2021, equation 29).

  Its time is `-s`, so that its velocity is `2 s e - x`.
  """

  def scale(sigma):
    return 1 / (sigma / 2 + jnp.sqrt(1 + sigma**2 / 4))  # the root of s^2 + sigma s = 1

  return Frame(scale, lambda sigma: (2 * scale(sigma), jnp.ones_like(sigma)))


def straight() -> Frame:
  """`(1 - t) x + t e`, with `sigma = t / (1 - t)`: its velocity `e - x` is the same all the way (Liu et al. 2023)."""
  return Frame(lambda sigma: 1 / (1 + sigma), lambda sigma: (jnp.ones_like(sigma), jnp.ones_like(sigma)))
