"""The slots of a score model that a config chooses by name, each with its settings: path, sampler and likelihood."""

from typing import Any

from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.config_keys import Key, Keys
from jaxgen.errors import UserError
from jaxgen.families.score import (
  COUPLINGS,
  LIKELIHOODS,
  PATHS,
  WAYS,
  Completion,
  Likelihood,
  Path,
  Way,
  completed_by,
)

_BETAS = {
  'beta_min': Key(0.1, float, 'of the rate of noise, at time 0', '(0, 1000]'),
  'beta_max': Key(20.0, float, 'likewise at time 1', '(0, 1000]'),
}


def _times(start: float, end: float) -> Keys:
  return {
    'start': Key(start, float, 'of continuous times; at 0 there is no noise', '[0, 1)'),
    'end': Key(end, float, 'of continuous times', '(0, 1]'),
  }


def _levels(default: int) -> Key:
  return Key(default, int, 'noise levels of training; 0: continuous times', '[0, 100000]')


# Of `config.model.path`; see `jaxgen.families.score.paths` for each.
PATH: dict[str, Any] = {
  'name': Key('variance_exploding', str, 'how data become noise', choices=tuple(PATHS)),
  'coupling': Key(
    'independent', str, 'of examples and noise in training', choices=tuple(COUPLINGS), before='independent'
  ),
  'variance_exploding': {
    'sigma_max': Key(
      12.0, float, 'the largest noise, about the largest distance of two examples', '(0, inf)'
    ),
    'sigma_min': Key(0.05, float, 'the smallest noise', '(0, inf)'),
    'num_levels': _levels(19),
  },
  'variance_preserving': {**_BETAS, 'num_levels': _levels(1000), **_times(1e-5, 1.0)},
  'cosine': {
    'offset': Key(0.008, float, 'of the angle, so that noise does not begin too slowly', '[0, 1]'),
    'num_levels': _levels(1000),
    **_times(1e-3, 0.9946),
  },
  'sub_variance_preserving': {**_BETAS, **_times(1e-3, 1.0)},
  'edm': {
    'mean': Key(-1.2, float, 'of log sigma in training'),
    'std': Key(1.2, float, 'likewise its standard deviation', '(0, inf)'),
    'sigma_min': Key(0.002, float, 'the smallest noise', '(0, inf)'),
    'sigma_max': Key(80.0, float, 'the largest noise', '(0, inf)'),
    'rho': Key(7.0, float, 'how much shorter steps are near the data', '[1, 100]'),
  },
  'rectified_flow': {
    'times': Key('uniform', str, 'how t is drawn in training', choices=('uniform', 'logit_normal')),
    'mean': Key(0.0, float, 'times=logit_normal: of the logit of t'),
    'std': Key(1.0, float, 'likewise its standard deviation', '(0, inf)'),
    **_times(1e-3, 0.999),
  },
}


def _steps(num_steps: int, rho: float) -> Keys:
  return {
    'num_steps': Key(num_steps, int, 'from level to level, the last to no noise', '[1, 100000]'),
    'rho': Key(
      rho, float, 'how much shorter steps are near the data, from 1 on; 0: even in time', '[0, 100]'
    ),
    'sigma_max': Key(0.0, float, 'the noise that it begins with; 0: the largest of the path', '[0, inf)'),
    'sigma_min': Key(0.0, float, 'that of its last step; 0: the smallest of the path', '[0, inf)'),
  }


_PER_LEVEL = Key(5, int, 'Langevin steps at each noise level of the path', '[1, 100000]')
# Of `config.sampler`, which is no part of the training run; see `jaxgen.families.score.samplers` for each.
SAMPLER: dict[str, Any] = {
  'name': Key('heun', str, 'the way from noise to samples', choices=tuple(WAYS)),
  'guidance': Key(1.0, float, 'the weight of what is given; 1: as in the data, 0: none', '[0, 1000]'),
  'completion': {
    'sampler': Key(
      'predictor_corrector', str, 'the way by which examples are completed', choices=tuple(WAYS)
    ),
    'num_resamplings': Key(
      1, int, 'times that each stretch of it is gone; 1: replacement alone', '[1, 1000]'
    ),
    'jump_length': Key(1, int, 'steps of a stretch', '[1, 100000]'),
  },
  'annealed': {
    'steps_per_level': _PER_LEVEL,
    'step_size': Key(0.0, float, 'at the last level; 0: see jaxgen.samplers.balanced', '[0, inf)'),
    'denoise': Key(True, bool, 'samples end with the mean of what is left of the noise'),
  },
  'ncsnv2': {
    'steps_per_level': _PER_LEVEL,
    'epsilon': Key(0.0, float, 'at the last level; 0: see jaxgen.samplers.ncsnv2_epsilon', '[0, inf)'),
  },
  'langevin': {
    'num_steps': Key(1000, int, 'at the smallest noise', '[1, 10000000]'),
    'step_size': Key(1e-4, float, 'of each', '(0, inf)'),
  },
  'underdamped': {
    'num_steps': Key(1000, int, 'at the smallest noise', '[1, 10000000]'),
    'step_size': Key(0.02, float, 'of each, a time', '(0, inf)'),
    'friction': Key(1.0, float, 'rate at which velocities are forgotten', '(0, inf)'),
  },
  'predictor_corrector': {
    **_steps(100, 0.0),
    'signal_to_noise': Key(0.16, float, 'of a corrector step', '(0, inf)'),
    'corrector_steps': Key(1, int, 'at each noise level', '[0, 100000]'),
  },
  'euler_maruyama': _steps(100, 0.0),
  'ddpm': {
    **_steps(100, 0.0),
    'variance': Key(
      'small', str, 'of the noise of a step, of the two of the paper', choices=('small', 'large')
    ),
  },
  'ddim': {**_steps(50, 0.0), 'eta': Key(0.0, float, 'share of fresh noise; 1: that of ddpm', '[0, 1]')},
  'euler': _steps(36, 7.0),
  'heun': _steps(18, 7.0),
  'edm': {
    **_steps(18, 7.0),
    'churn': Key(0.0, float, 'noise that is added, S_churn of the paper', '[0, inf)'),
    'churn_min': Key(0.05, float, 'to no smaller noise than this', '[0, inf)'),
    'churn_max': Key(50.0, float, 'to no larger noise than this', '(0, inf)'),
    'noise_scale': Key(1.003, float, 'its standard deviation, S_noise', '(0, inf)'),
  },
  'dpm_solver': _steps(18, 0.0),
}

# Of `config.model.likelihood`; see `jaxgen.families.score.likelihoods` for each.
LIKELIHOOD: dict[str, Any] = {
  'name': Key(
    'ode',
    str,
    'the density of the ODE, or of discrete data the bound of a diffusion',
    choices=tuple(LIKELIHOODS),
  ),
  'ode': {
    'num_steps': Key(50, int, 'tolerance=0: of Heun, two evaluations of the network each', '[1, 100000]'),
    'probes': Key(1, int, 'random directions behind a divergence; 0: all', '[0, 100000]'),
    'tolerance': Key(0.0, float, 'nats, of the error of as many steps as it takes; 0: num_steps', '[0, inf)'),
    'end': Key(0.0, float, 'its smallest noise; 0: that of the path', '[0, inf)', before=0.0),
  },
  'bound': {
    'num_levels': Key(0, int, 'noise levels of the bound; 0: those of the path', '[0, 100000]'),
    'terms': Key(0, int, 'how many of its steps are drawn for an example; 0: all', '[0, 100000]'),
  },
}


def path(config: ConfigDict) -> Path:
  """What `config.model.path` names.

  Raises:
    UserError: if it has no end.
  """
  name = config.model.path.name
  try:
    return PATHS[name](**config.model.path[name].to_dict())
  except ValueError as error:
    raise UserError(f'config.model.path.{name} cannot be used: {error}') from error


def way(config: ConfigDict, path: Path) -> Way:
  """What `config.sampler` names.

  Raises:
    UserError: if it does not fit the path.
  """
  return _named(config, path, config.sampler.name)


def completion(config: ConfigDict, path: Path) -> Completion:
  """What `config.sampler.completion` names.

  Raises:
    UserError: if it does not fit the path.
  """
  how = config.sampler.completion
  way = _named(config, path, how.sampler)
  try:
    return completed_by(way, how.num_resamplings, how.jump_length)
  except ValueError as error:
    raise UserError(f'config.sampler.completion cannot be used: {error}') from error


def _named(config, path, name):
  try:
    return WAYS[name](path, config.model.sigma_data, **config.sampler[name].to_dict())
  except ValueError as error:
    raise UserError(f'config.sampler.{name} cannot be used: {error}') from error


def likelihood(config: ConfigDict, path: Path) -> Likelihood:
  """What `config.model.likelihood` names.

  Raises:
    UserError: if it is none of the data.
  """
  name, x = config.model.likelihood.name, fields.of(config)['x']
  try:
    found = LIKELIHOODS[name](**config.model.likelihood[name].to_dict())
    found.estimate(x, path)
  except ValueError as error:
    raise UserError(f'config.model.likelihood.{name} cannot be used: {error}') from error
  return found
