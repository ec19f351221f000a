"""Densities in the plane of which everything is known: log-density, entropy, samples.

A model trained on one of them cannot have a mean log-likelihood above the negative entropy, and the
difference is its Kullback-Leibler divergence from the truth.
"""

import difflib

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxgen.data.densities.density import Density, drawn, generator
from jaxgen.data.source import Source
from jaxgen.errors import UserError


def gaussians(
  centres: np.ndarray, std: float, entropy: float, bound: float, separate: bool = True
) -> Density:
  """An equal mixture of round Gaussians, `p(x) = 1/M sum_m N(x; c_m, std^2 I)`.

  Args:
    centres: `f32[M, 2]`, c_m.
    std: of each, along each axis.
    entropy: see `Density`.
    bound: see `Density`.
    separate: whether the components stand apart, so that each is a mode.
  """
  centres = np.asarray(centres, np.float32)

  def log_prob(x):
    squares = jnp.sum((x[..., None, :] - centres) ** 2, -1) / std**2
    return jax.nn.logsumexp(-squares / 2, -1) - np.log(len(centres) * 2 * np.pi * std**2)

  def sample(seed, num):
    rng = generator(seed)
    chosen = rng.integers(len(centres), size=num)
    return (centres[chosen] + std * rng.standard_normal((num, 2))).astype(np.float32)

  modes = centres if separate else None
  return Density(log_prob, sample, entropy, bound, modes, std if separate else 0.0)


def circles(radii: np.ndarray, std: float, entropy: float, bound: float) -> Density:
  """An equal mixture of circles, each blurred by a round Gaussian.

  The distance r from the origin is Rice distributed about each radius R, so that

    p(x) = 1/K sum_k exp(-(r^2 + R_k^2) / (2 std^2)) I_0(r R_k / std^2) / (2 pi std^2)

  with the modified Bessel function I_0.
  """
  radii = np.asarray(radii, np.float32)

  def log_prob(x):
    # sqrt has no finite derivative at 0
    r = jnp.sqrt(jnp.maximum(jnp.sum(x**2, -1, keepdims=True), 1e-30))
    terms = jnp.log(jax.scipy.special.i0e(r * radii / std**2)) - (r - radii) ** 2 / (2 * std**2)
    return jax.nn.logsumexp(terms, -1) - np.log(len(radii) * 2 * np.pi * std**2)

  def sample(seed, num):
    rng = generator(seed)
    radius = radii[rng.integers(len(radii), size=num)]
    angle = rng.uniform(0, 2 * np.pi, num)
    on_circle = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1)
    return (on_circle + std * rng.standard_normal((num, 2))).astype(np.float32)

  return Density(log_prob, sample, entropy, bound)


def board(cells: int, side: float) -> Density:
  """Uniform on every other cell of a square board of `cells` x `cells` cells of length `side`, centred at 0.

  The entropy is the logarithm of the area that is covered.
  """
  rows, columns = np.nonzero(np.indices((cells, cells)).sum(0) % 2 == 0)
  corners = (np.stack([rows, columns], -1) - cells / 2).astype(np.float32) * side
  area = len(corners) * side**2

  def log_prob(x):
    place = jnp.floor(x / side + cells / 2)
    covered = jnp.all((place >= 0) & (place < cells), -1) & (place.sum(-1) % 2 == 0)
    return jnp.where(covered, -np.log(area), -jnp.inf)

  def sample(seed, num):
    rng = generator(seed)
    chosen = rng.integers(len(corners), size=num)
    # a lattice that float32 holds exactly, lest a point be rounded onto the far edge, outside its cell
    inside = (rng.integers(2**20, size=(num, 2)) + 0.5) / 2**20
    return (corners[chosen] + side * inside).astype(np.float32)

  return Density(log_prob, sample, float(np.log(area)), cells * side / 2)


def _ring(num, radius):
  angle = 2 * np.pi * np.arange(num) / num
  return radius * np.stack([np.cos(angle), np.sin(angle)], -1)


def _square(num, spacing):
  places = (np.arange(num) - (num - 1) / 2) * spacing
  return np.stack(np.meshgrid(places, places, indexing='ij'), -1).reshape(-1, 2)


def _moons(num):
  """Two interleaved half circles of radius 1, each as `num` points, centred at 0."""
  angle = np.pi * (np.arange(num) + 0.5) / num
  upper = np.stack([np.cos(angle) - 0.5, np.sin(angle) - 0.25], -1)
  return np.concatenate([upper, -upper])


# Entropies: the checkerboard's is closed-form; the others are integrals of -p log p over a grid in float64,
# recomputed by the tests. The 32 points of a moon lie closer than their standard deviation, so that the
# mixture differs from a blurred arc by 1e-8.
DENSITIES = {
  'eight_gaussians': gaussians(_ring(8, 2.0), 0.2, 1.6980612, 3.5),
  'grid_25': gaussians(_square(5, 1.0), 0.1, 1.4515799, 2.75),
  'two_moons': gaussians(_moons(32), 0.1, 1.0054511, 2.25, separate=False),
  'checkerboard': board(4, 1.0),
  'rings': circles(np.array([0.5, 1.0, 1.5, 2.0]), 0.08, 2.2125235, 2.5),
}


def load(config: ConfigDict, name: str, split: str) -> Source:
  """50,000 points to train on, 10,000 each to validate and to test, the same ones always: `toy:<name>`.

  Raises:
    UserError: if there is no such density, or `config.image_size` is set.
  """
  if name not in DENSITIES:
    near = difflib.get_close_matches(name, DENSITIES, n=1)
    hint = f' (did you mean "{near[0]}"?)' if near else ''
    raise UserError(f'There is no density "{name}"{hint}; there are {", ".join(DENSITIES)}.')
  return drawn(config, DENSITIES[name], split, num_train=50_000)
