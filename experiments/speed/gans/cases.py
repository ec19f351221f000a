"""What is timed: a config at 32x32, what is changed in it, and the data that it would see."""

from typing import NamedTuple

from ml_collections import ConfigDict

from experiments.speed.cases import load
from jaxgen import fields
from jaxgen.types import Field

_CIFAR = {'x': Field('image', (32, 32, 3), 256), 'label': Field('label', (), 10)}


class Case(NamedTuple):
  """One row of the table.

  Attributes:
    twin: the module in `twins/` that holds the same networks in PyTorch.
    config: a file in `configs/`.
    changes: dotted keys of that config and their values, so that a step ends in seconds on two cores; in all both
      players move at every step.
  """

  twin: str
  config: str
  changes: dict


CASES = {
  'dcgan': Case('dcgan', 'gan_digits', {'model.latent_dim': 128, 'model.penalty': ''}),
  'sngan': Case(
    'sngan', 'sngan_cifar', {'model.generator_width': 64, 'model.discriminator_width': 64, 'batch_size': 16}
  ),
  'biggan': Case(
    'biggan', 'biggan_cifar', {'model.width': 16, 'model.orthogonal_weight': 0.0, 'batch_size': 16}
  ),
  # without R1, which is due at every 16th step
  'stylegan2': Case(
    'stylegan',
    'stylegan_cifar',
    {
      'model.latent_dim': 128,
      'model.generator_width': 32,
      'model.discriminator_width': 32,
      'model.penalty': '',
      'batch_size': 16,
    },
  ),
}


def settings(case: Case) -> ConfigDict:
  """The config of a case, with its data filled in as the training loop does."""
  config = load(case.config)
  config.update_from_flattened_dict({'model.discriminator_steps': 1, **case.changes})
  config.data.fields = ConfigDict(fields.to_dict(_CIFAR))
  return config
