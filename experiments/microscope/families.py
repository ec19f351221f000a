"""The five families: a config of `configs/` each, at widths that give all about the same number of parameters."""

import importlib.util
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
from ml_collections import ConfigDict

from experiments.microscope.settings import Settings
from jaxgen import data, experiment, fields
from jaxgen.errors import UserError

_CONFIGS = Path(__file__).parents[2] / 'configs'
_SMALL = 16  # pixels a side, up to which the configs for digits are taken
_PARAMETERS = {'small': 120_000, 'large': 500_000}
_FACTOR = 1.5  # of the parameters asked for, that a family may be off


class Family(NamedTuple):
  """One row of the comparison.

  Attributes:
    title: for people.
    configs: the names of the configs for small and for large images.
    first_width: to start the search from.
    widen: `(config, width)` sets the widths of its networks.
    smoke_width: of the preset 'smoke'.
    multiple: of which a width must be.
  """

  title: str
  configs: tuple[str, str]
  first_width: int
  widen: Callable[[ConfigDict, int], None]
  smoke_width: int
  multiple: int = 1


def _vae(config, width):
  config.module = 'jaxgen.models.vae.vae_conv'
  config.model.update(dict(channels=(width, 2 * width), hidden=(8 * width,)))


def _gan(config, width):
  config.model.update(dict(generator_width=width, discriminator_width=width))


def _width(config, width):
  config.model.width = width


def _score(config, width):
  config.model.widths = (width, *[2 * width] * (len(config.model.widths) - 1))
  along_ode = config.model.likelihood.ode
  along_ode.num_steps = min(along_ode.num_steps, 20)  # a hundredth of a bit from many more


FAMILIES = {
  'vae': Family('VAE', ('vae_digits', 'vae_mnist'), 20, _vae, 8, 4),
  'gan': Family('GAN', ('gan_digits', 'dcgan_mnist'), 36, _gan, 4),
  'flow': Family('Flow', ('glow_digits', 'glow_digits'), 56, _width, 8, 2),
  'autoregressive': Family('Autoregressive', ('pixelcnn_digits', 'pixelcnn_mnist'), 36, _width, 6, 6),
  'score': Family('Score', ('edm_digits', 'ncsn_mnist'), 16, _score, 8, 8),  # see README.md
}


def base_config(name: str, settings: Settings, seed: int = 0) -> ConfigDict:
  """`configs/<name>.py` on the data of the microscope, resolved."""
  spec = importlib.util.spec_from_file_location(name, _CONFIGS / f'{name}.py')
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  config = module.get_config(settings.preset)
  config.data.update(dict(name=settings.data, image_size=settings.image_size))
  config.seed = seed
  return data.resolve(config)


def config_of(family: str, settings: Settings, width: int = 0, seed: int = 0) -> ConfigDict:
  """The resolved config of a family on the data at hand; a width of 0 stands for the first to try."""
  row = FAMILIES[family]
  size = image_class(base_config(row.configs[0], settings))
  config = base_config(row.configs[size == 'large'], settings, seed)
  row.widen(config, width or row.first_width)
  config.optimizer.schedule = 'constant'  # a run may end at any moment; averaged weights do the rest
  return config


def image_class(config: ConfigDict) -> str:
  """'small' or 'large'.

  Raises:
    UserError: if the data are no images.
  """
  x = fields.of(config)['x']
  if x.kind != 'image':
    raise UserError(
      f'The microscope compares models of images, and {config.data.name} holds {x.kind} data; try --data=digits.'
    )
  return 'small' if max(x.shape[:2]) <= _SMALL else 'large'


def count(config: ConfigDict) -> dict[str, int]:
  """Parameters by the top-level keys of `params`, without computing any."""
  model = experiment.build_model(config)
  batch = fields.blank(fields.of(config), 4)
  params, _ = jax.eval_shape(model.init, jax.random.key(0), batch)
  return {name: sum(leaf.size for leaf in jax.tree.leaves(part)) for name, part in params.items()}


def width_for(family: str, settings: Settings) -> tuple[int, dict[str, int]]:
  """The width that brings a family nearest to the parameters asked for, and the parameters it then has.

  Raises:
    UserError: if none comes within a factor of 1.5.
  """
  row = FAMILIES[family]
  if settings.preset == 'smoke':
    return row.smoke_width, count(config_of(family, settings, row.smoke_width))
  goal = settings.parameters or _PARAMETERS[image_class(config_of(family, settings))]
  width, tried = row.first_width, {}
  while width not in tried and len(tried) < 6:
    tried[width] = count(config_of(family, settings, width))
    # mostly matrices: their sizes grow with the square of the width
    near = width * math.sqrt(goal / sum(tried[width].values())) / row.multiple
    width = max(1, round(near)) * row.multiple
  best = min(tried, key=lambda w: abs(math.log(sum(tried[w].values()) / goal)))
  total = sum(tried[best].values())
  if not goal / _FACTOR <= total <= goal * _FACTOR:
    raise UserError(
      f'{row.title} has {total:,} parameters at the width nearest to --parameters={goal}; give another number.'
    )
  return best, tried[best]
