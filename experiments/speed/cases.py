"""What is timed: a config, what is changed in it, and the data that it would see."""

import importlib.util
from pathlib import Path
from typing import NamedTuple

from ml_collections import ConfigDict

from jaxgen import experiment

CONFIGS = Path(__file__).parents[2] / 'configs'


class Case(NamedTuple):
  """One row of the table.

  Attributes:
    name: of the row.
    twin: the module in `twins/` that holds the same model in PyTorch.
    config: a file in `configs/`.
    changes: dotted keys of that config and their values, so that a step ends in seconds on two cores.
    shape: of an example: height, width and channels of an image, the length of a sequence, that of sound and its
      channels.
    levels: grey levels, the size of a vocabulary, codes of sound.
    num_samples: drawn at a time.
    compiled: whether PyTorch is timed compiled too, as the twin says what there is to compile.
  """

  name: str
  twin: str
  config: str
  changes: dict
  shape: tuple[int, ...]
  levels: int
  num_samples: int
  compiled: bool = False

  @property
  def kind(self) -> str:
    """That of the field x."""
    return {1: 'tokens', 2: 'audio', 3: 'image'}[len(self.shape)]


# the ways to samples that the twins have
_CHAIN = {'sampler.name': 'annealed'}
_HEUN = {'sampler.name': 'heun', 'sampler.heun.num_steps': 10}
_DIGITS = (8, 8, 1), 17, 64
_MNIST = (28, 28, 1), 256, 16
_CIFAR = (32, 32, 3), 256, 16
# as `text:stdlib` has them: windows of characters, and of pairs of bytes
_CHARACTERS = (128,), 128, 64
_PAIRS = (64,), 1024, 64
_SOUND = (1024, 1), 256, 16

CASES = {
  case.name: case
  for case in (
    Case('vae_digits', 'vae', 'vae_digits', {}, *_DIGITS),
    Case('vae_mnist', 'vae', 'vae_mnist', {}, *_MNIST),
    Case('vae_conv_mnist', 'vae', 'vae_mnist', {'module': 'jaxgen.models.vae.vae_conv'}, *_MNIST),
    Case('glow_digits', 'glow', 'glow_digits', {}, *_DIGITS),
    Case(
      'glow_32x32', 'glow', 'glow_cifar', {'model.depth': 4, 'model.width': 256, 'batch_size': 16}, *_CIFAR
    ),
    Case('gan_digits', 'gan', 'gan_digits', {}, *_DIGITS),
    Case('gan_32x32', 'gan', 'gan_digits', {'model.latent_dim': 128, 'model.penalty': ''}, *_CIFAR),
    Case('ncsn_digits', 'ncsn', 'ncsn_digits', _CHAIN, *_DIGITS, compiled=True),
    Case(
      'ncsn_32x32',
      'ncsn',
      'ncsn_digits',
      {'model.widths': (32, 64, 64), 'batch_size': 16, **_CHAIN},
      *_CIFAR,
      compiled=True,
    ),
    Case('unet_mnist', 'unet', 'ddpm_mnist', {'batch_size': 16, **_HEUN}, *_MNIST, compiled=True),
    Case(
      'unet_32x32',
      'unet',
      'ddpm_cifar',
      {'model.widths': (32, 64, 64), 'model.blocks': 1, 'batch_size': 16, **_HEUN},
      *_CIFAR,
      compiled=True,
    ),
    Case('pixelcnn_digits', 'pixelcnn', 'pixelcnn_digits', {}, *_DIGITS),
    Case('pixelcnn_mnist', 'pixelcnn', 'pixelcnn_mnist', {'batch_size': 16}, *_MNIST),
    Case(
      'pixelcnnpp_32x32',
      'pixelcnnpp',
      'pixelcnnpp_cifar',
      {
        'model.width': 24,
        'model.num_layers': 1,
        'model.num_sizes': 2,
        'model.components': 5,
        'batch_size': 8,
      },
      (32, 32, 3),
      256,
      2,  # PyTorch's take the whole network for each of 1,024 pixels
      compiled=True,
    ),
    Case('rnnlm_text', 'rnnlm', 'rnnlm_text', {}, *_CHARACTERS, compiled=True),
    Case('transformer_text', 'transformer', 'transformer_text', {}, *_PAIRS, compiled=True),
    Case('wavenet_strings', 'wavenet', 'wavenet_strings', {'given': ()}, *_SOUND, compiled=True),
  )
}


def load(name: str):
  """What `configs/<name>.py` says."""
  spec = importlib.util.spec_from_file_location(name, CONFIGS / f'{name}.py')
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module.get_config()


def settings(case: Case):
  """The config of a case, with its data and all settings of its slots filled in as the training loop does."""
  config = experiment.completed(load(case.config))
  config.update_from_flattened_dict(case.changes)
  config.data.fields = ConfigDict({'x': {'kind': case.kind, 'shape': case.shape, 'levels': case.levels}})
  return config
