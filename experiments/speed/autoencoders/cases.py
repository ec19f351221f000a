"""What is timed: an objective of `vae_binary_mnist`, and the class of pythae that has it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from experiments.speed.cases import load
from jaxgen import experiment, fields
from jaxgen.types import Field

NUM_SAMPLES = 1000
_LATENTS = 50
# the widths of pythae's own networks: a layer of 512 on either side (of ReLU there, of SiLU here)
_SHARED = {'model.hidden': (512,), 'model.latent_dim': _LATENTS, 'optimizer.schedule': 'constant'}


class Case(NamedTuple):
  """One row of the table.

  Attributes:
    changes: dotted keys of `configs/vae_binary_mnist.py` and their values, beside the networks.
    model: the class in `pythae.models`.
    settings: of its config, beside shape, latents and likelihood.
  """

  changes: Mapping[str, Any]
  model: str
  settings: Mapping[str, Any] = {}


def _iwae(draws):
  changes = {'model.objective': 'iwae', 'model.training_samples': draws}
  return Case(changes, 'IWAE', {'number_samples': draws})


CASES = {
  'vae': Case({}, 'VAE'),
  'iwae_5': _iwae(5),
  'iwae_50': _iwae(50),
  # one kernel of the same width: c = 2 latents
  'infovae': Case(
    {
      'model.objective': 'infovae',
      'model.kernel': 'inverse_multiquadratic',
      'model.infovae_alpha': 0.0,
      'model.infovae_lambda': 10.0,
    },
    'INFOVAE_MMD',
    {'kernel_choice': 'imq', 'scales': [1.0], 'alpha': 0.0, 'lbd': 10.0},
  ),
}


def settings(case: Case) -> ConfigDict:
  """The config of a case, with its data and all settings of its slots filled in as the training loop does."""
  config = experiment.completed(load('vae_binary_mnist'))
  config.update_from_flattened_dict({**_SHARED, **case.changes})
  config.data.fields = ConfigDict(fields.to_dict({'x': Field('image', (28, 28, 1), 2)}))
  return config
