"""What a config can set of every score model, whatever its network is."""

from collections.abc import Mapping
from types import MappingProxyType

from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields, optim
from jaxgen.config_keys import Key, StageKey
from jaxgen.errors import UserError
from jaxgen.families.score import (
  COUPLINGS,
  PARAMETERIZATIONS,
  TARGETS,
  WEIGHTINGS,
  Guidance,
  Guide,
  Path,
  score,
)
from jaxgen.settings import score_slots
from jaxgen.types import Field, GenerativeModel, Stage

SAMPLER = score_slots.SAMPLER
STAGES = {
  'classifier': StageKey(
    'the run whose classifier of blurred data guides samples towards a label',
    needs=('class_log_prob', 'noise_range'),
    optional=True,
  )
}
Stages = Mapping[str, Stage]
# Of `config.data`, what decides which examples there are, and what they look like.
_DATA = ('name', 'image_size', 'binarized', 'twin', 'without')
NO_STAGES: Stages = MappingProxyType({})
KEYS = {
  'sigma_data': Key(0.5, float, 'standard deviation of the data', '(0, inf)'),
  'path': score_slots.PATH,
  'parameterization': Key(
    'preconditioned',
    str,
    'what the outputs of the network mean',
    choices=tuple(PARAMETERIZATIONS),
    before='preconditioned',
  ),
  'weighting': Key(
    'noise', str, 'of the noise levels in the loss', choices=tuple(WEIGHTINGS), before='noise'
  ),
  'min_snr_gamma': Key(
    5.0, float, 'weighting=min_snr: the largest weight of the data', '(0, inf)', before=5.0
  ),
  'target': Key(
    'own',
    str,
    'what is learned: the noise that was added, or its mean given the batch',
    choices=tuple(TARGETS),
    before='own',
  ),
  'label_dropout': Key(
    0.0, float, 'share of examples that are trained without what is given, for guidance', '[0, 1)', before=0.0
  ),
  'likelihood': score_slots.LIKELIHOOD,
}


def assemble(config: ConfigDict, network: nn.Module, stages: Stages = NO_STAGES) -> GenerativeModel:
  """A score model of the data that `config` names, on their conditions.

  Args:
    config: `config.model` holds `KEYS`, and `config.sampler` `SAMPLER`. Sigmas are in units of pixels in [-1, 1], or
      of the data itself where it is continuous.
    network: as `jaxgen.families.score.family.score` takes it.
    stages: those of `STAGES` that are named.

  Raises:
    UserError: if a setting does not fit the data, or another one.
  """
  model, path = config.model, score_slots.path(config)
  way, likelihood = score_slots.way(config, path), score_slots.likelihood(config, path)
  completion, guide = score_slots.completion(config, path), _guide(config, path, stages)
  try:
    return score(
      network,
      path=path,
      way=way,
      parameterization=PARAMETERIZATIONS[model.parameterization](path.frame, model.sigma_data),
      weighting=WEIGHTINGS[model.weighting](path, model.sigma_data, model.min_snr_gamma),
      coupling=COUPLINGS[model.path.coupling](),
      likelihood=likelihood,
      completion=completion,
      tx=optim.make(config.optimizer, config.num_steps),
      ema_decay=config.ema_decay,
      x=fields.of(config)['x'],
      given=fields.given(config),
      target=TARGETS[model.target](),
      guidance=Guidance(config.sampler.guidance, model.label_dropout, guide),
    )
  except ValueError as error:
    raise UserError(f'The score model cannot be built: {error}') from error


def _guide(config: ConfigDict, path: Path, stages: Stages) -> Guide | None:
  """The classifier of `config.stages`; None where it names none."""
  stage = stages.get('classifier')
  if stage is None:
    return None
  log_prob, noise_range = stage.model.class_log_prob, stage.model.noise_range
  assert log_prob and noise_range  # as STAGES says
  option, own, its = f'config.stages.classifier={stage.workdir}', fields.of(config), fields.of(stage.config)
  differs = [f'config.data.{name}' for name in _DATA if config.data.get(name) != stage.config.data.get(name)]
  if differs or own['x'] != its['x'] or own.get('label') != its['label']:
    raise UserError(
      f'{option} cannot be used: it classifies other data, {stage.config.data.name}, than {config.data.name}'
      f'{", by " + " and ".join(differs) if differs else ""}; give a run on the same.'
    )
  (most, least), (first, last) = noise_range, (float(path.sigmas[0]), float(path.sigmas[-1]))
  if not (least <= 1.001 * last and first <= 1.001 * most):
    raise UserError(
      f'{option} cannot be used: it was trained at noise levels from {least:.4g} to {most:.4g}, and the score is '
      f'from {last:.4g} to {first:.4g}; train it with the config.model.path of this run.'
    )
  return Guide(lambda x, sigma: log_prob(stage.params, stage.extra, x, sigma), own['label'])


def images(config: ConfigDict) -> Field:
  """What is modelled, which is images.

  Raises:
    UserError: if it is not.
  """
  x = fields.of(config)['x']
  if x.kind != 'image':
    raise UserError(
      f'This score network needs images, not {x.kind} data of shape {x.shape}; for vectors there is '
      'jaxgen.models.score.ncsn_mlp.'
    )
  return x
