"""What a config can set of every score model, whatever its network is."""

from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields, optim
from jaxgen.config_keys import Key
from jaxgen.errors import UserError
from jaxgen.families.score import parameterizations, score
from jaxgen.families.score.paths import variance_exploding
from jaxgen.families.score.samplers import WAYS
from jaxgen.losses.score import geometric_sigmas
from jaxgen.types import GenerativeModel

# Of `config.sampler`, which is no part of the training run; see `jaxgen.families.score.samplers` for each.
SAMPLER = {
  'name': Key('probability_flow', str, 'the way from noise to samples', choices=tuple(WAYS)),
  'annealed': {
    'steps_per_level': Key(5, int, 'Langevin steps at each noise level', '[1, 100000]'),
    'step_size': Key(0.0, float, 'at the last level; 0: see jaxgen.samplers.balanced', '[0, inf)'),
    'denoise': Key(True, bool, 'samples end with the mean of what is left of the noise'),
  },
  'predictor_corrector': {
    'num_levels': Key(50, int, 'noise levels of the sampler', '[2, 100000]'),
    'signal_to_noise': Key(0.16, float, 'of a corrector step', '(0, inf)'),
    'corrector_steps': Key(1, int, 'at each noise level', '[0, 100000]'),
  },
  'probability_flow': {
    'num_steps': Key(18, int, 'of Heun, two evaluations of the network each', '[2, 100000]'),
    'rho': Key(7.0, float, 'how much shorter steps are near the data', '[1, 100]'),
  },
}
KEYS = {
  'sigma_data': Key(0.5, float, 'standard deviation of the data', '(0, inf)'),
  'sigma_max': Key(12.0, float, 'the largest noise, about the largest distance of two examples', '(0, inf)'),
  'sigma_min': Key(0.05, float, 'the smallest noise', '(0, inf)'),
  'num_levels': Key(19, int, 'noise levels, see jaxgen.losses.score.num_levels', '[2, 100000]'),
  'ode_steps': Key(50, int, 'of the log-likelihood, two evaluations of the network each', '[1, 100000]'),
}


def assemble(config: ConfigDict, network: nn.Module) -> GenerativeModel:
  """A score model of the data that `config` names, on their conditions, of variance-exploding noise.

  Args:
    config: `config.model` holds `KEYS`, and `config.sampler` `SAMPLER`. Sigmas are in units of pixels in [-1, 1], or
      of the data itself where it is continuous.
    network: as `jaxgen.families.score.family.score` takes it, the correction F of
      `jaxgen.families.score.parameterizations.preconditioned`.

  Raises:
    UserError: if a setting does not fit the data.
  """
  model, how = config.model, config.sampler
  try:
    sigmas = geometric_sigmas(model.sigma_max, model.sigma_min, model.num_levels)
  except ValueError as error:
    raise UserError(f'The noise levels of config.model cannot be used: {error}') from error
  return score(
    network,
    path=variance_exploding(sigmas),
    tx=optim.make(config.optimizer, config.num_steps),
    ema_decay=config.ema_decay,
    x=fields.of(config)['x'],
    given=fields.given(config),
    way=WAYS[how.name](sigmas, model.sigma_data, **how[how.name].to_dict()),
    parameterization=parameterizations.preconditioned(model.sigma_data),
    ode_steps=model.ode_steps,
  )
