"""What is the same for every flow of the table: the points, the time, and what is measured."""

from typing import NamedTuple

import numpy as np
from ml_collections import ConfigDict

from jaxgen import config as configs
from jaxgen import data
from jaxgen.data.densities.density import Density
from jaxgen.errors import UserError

PLANE = tuple(f'toy:{name}' for name in ('eight_gaussians', 'two_moons', 'rings', 'checkerboard'))
TABLES = tuple(f'synthetic:{name}' for name in data.synthetic.NAMES)
GRID = 200  # cells a side of a picture


class Limit(NamedTuple):
  """When a training ends: after so many seconds, or after so many steps where there are any."""

  seconds: float
  steps: int = 0


class Points(NamedTuple):
  """A density and what is drawn from it.

  Attributes:
    name: as a config calls it.
    density: exact.
    train: f32[N, D], what flows learn from, jaxgen's and the others' alike.
    test: f32[M, D], by which the divergence is taken.
    grid: f32[GRID * GRID, 2], the middles of the cells of a picture, from the top left; none but in the plane.
  """

  name: str
  density: Density
  train: np.ndarray
  test: np.ndarray
  grid: np.ndarray


class Fit(NamedTuple):
  """What became of one flow.

  Attributes:
    log_prob: f64[M] of the test points, in nats.
    on_grid: f64[GRID * GRID], the log-density for the picture.
    about: 'parameters', 'steps', 'seconds' of training without compilation, 'cpu_minutes' with it, 'versions' and,
      where there is one, 'command'.
  """

  log_prob: np.ndarray
  on_grid: np.ndarray
  about: dict


def points(name: str) -> Points:
  """Those of a density that `config.data.name` may name.

  Raises:
    UserError: if there is none, or nobody knows the density of these data.
  """
  config = configs.defaults().data
  config.name = name
  if name.partition(':')[0] not in ('toy', 'synthetic'):
    raise UserError(
      f'Nobody knows the density of "{name}"; --densities takes toy:<name> and synthetic:<name>.'
    )
  train, test = (data.load(config, split).resident()['x'] for split in ('train', 'test'))
  density = data.known_density(ConfigDict(config))
  return Points(name, density, train, test, _grid(density))


def _grid(density):
  if density.dims != 2:
    return np.zeros((0, density.dims), np.float32)
  middles = ((np.arange(GRID) + 0.5) / GRID * 2 - 1) * density.bound
  return np.stack(np.meshgrid(middles, middles[::-1]), -1).reshape(-1, 2).astype(np.float32)


def divergence(points: Points, log_prob: np.ndarray) -> tuple[float, float]:
  """`KL(data || model) = E [log p_data(x) - log p(x)]` in nats over the test points, and its standard error."""
  ratio = np.asarray(points.density.log_prob(points.test), np.float64) - log_prob
  return float(ratio.mean()), float(ratio.std() / len(ratio) ** 0.5)


def gaussian(points: Points) -> Fit:
  """The Gaussian of the mean and covariance of the training points: what is there before anything is learned."""
  mean, cov = points.train.mean(0, dtype=np.float64), np.cov(points.train, rowvar=False, dtype=np.float64)
  whiten, half = np.linalg.inv(np.linalg.cholesky(cov)), np.linalg.slogdet(2 * np.pi * cov)[1] / 2

  def log_prob(x):
    return -(((x - mean) @ whiten.T) ** 2).sum(1) / 2 - half

  dims = points.density.dims
  about = {
    'parameters': dims + dims * (dims + 1) // 2,
    'steps': 0,
    'seconds': 0.0,
    'cpu_minutes': 0.0,
    'versions': {'numpy': np.__version__},
  }
  return Fit(log_prob(points.test), log_prob(points.grid), about)
