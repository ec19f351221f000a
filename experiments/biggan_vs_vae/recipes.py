"""What is compared: two configs, and what is changed in them, by their keys alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from jaxgen import config_files

Changes = Mapping[str, Any]
GAN, VAE = FAMILIES = 'gan', 'vae'

# The loss, the ratio of the rates and the ratio of the widths (with `deep`) are those of the first comparison.
BASE: dict[str, tuple[str, Changes]] = {
  GAN: (
    'biggan_digits',
    {
      'model.width': 3,
      'model.loss': 'non_saturating',
      'optimizer.learning_rate': 5e-4,
      'discriminator_optimizer.learning_rate': 2e-3,
    },
  ),
  VAE: (
    'biggan_vae_digits',
    {
      'model.width': 3,
      'model.kl_warmup_steps': 0,
      'optimizer.schedule': 'constant',
    },
  ),
}


class Set(NamedTuple):
  """Images that both families learn.

  Attributes:
    changes: of both configs.
    labelled: the set whose classifier gives the features, where this one has no labels.
  """

  changes: Changes
  labelled: str = ''


SETS = {
  'digits': Set({'data.name': 'digits'}),
  'mnist': Set({'data.name': 'tfds:mnist', 'data.image_size': 16}),
  'cifar10': Set({'data.name': 'tfds:cifar10', 'data.image_size': 16}),
  'lfw': Set({'data.name': 'tfds:lfw_subset64', 'data.image_size': 16, 'given': ()}, labelled='tfds:cifar10'),
}


class Recipe(NamedTuple):
  """What differs from the base, for each family that it says something of."""

  gan: Changes | None
  vae: Changes | None


def _both(changes):
  return Recipe(changes, changes)


_MOMENTUM = {'name': 'sgd', 'momentum': 0.9, 'learning_rate': 1e-2}

RECIPES = {
  'base': _both({}),
  'deep': Recipe(
    {'module': 'jaxgen.models.gan.biggan_deep', 'model.width': 4, 'model.blocks_per_resolution': 2},
    {'model.deep': True, 'model.width': 4, 'model.blocks_per_resolution': 2},
  ),
  'discriminator_rate_x10': Recipe({'discriminator_optimizer.learning_rate': 2e-2}, None),
  'generator_rate_x10': Recipe({'optimizer.learning_rate': 5e-3}, None),
  'leaky': _both({'model.slope': 0.2}),
  'blocks_3': _both({'model.blocks_per_resolution': 3}),
  'blocks_6': _both({'model.blocks_per_resolution': 6}),
  'z_16': _both({'model.latent_dim': 16}),
  'z_64': _both({'model.latent_dim': 64}),
  # Of the autoencoder alone: without a first moment (b1 = 0), as BigGAN has it, Adam is RMSprop but for how soon its
  # mean square forgets and how that is corrected at the start; to compare them would be to compare b2.
  'rmsprop': Recipe(None, {'optimizer.name': 'rmsprop'}),
  # at ten times Adam's rates: its steps are not divided by the root of a mean square
  'sgd': Recipe(
    {
      **{f'optimizer.{key}': value for key, value in (_MOMENTUM | {'learning_rate': 5e-3}).items()},
      **{
        f'discriminator_optimizer.{key}': value
        for key, value in (_MOMENTUM | {'learning_rate': 2e-2}).items()
      },
    },
    {f'optimizer.{key}': value for key, value in (_MOMENTUM | {'learning_rate': 2e-2}).items()},
  ),
}


def changes(family: str, recipe: str) -> Changes | None:
  """What a recipe changes in the base of a family; None where it says nothing of it."""
  return getattr(RECIPES[recipe], family)


def config_of(name: str, family: str, recipe: str = 'base', seed: int = 0) -> ConfigDict:
  """The config of a run.

  Args:
    name: of the set.
    family: one of `FAMILIES`.
    recipe: one that has changes for this family.
    seed: of the run.
  """
  config = config_files.load(BASE[family][0])
  config.update_from_flattened_dict({**settings(name, family, recipe), 'seed': seed})
  return config


def settings(name: str, family: str, recipe: str = 'base') -> Changes:
  """All that is set in the config of a family, but for the seed: of the base, the recipe and the set."""
  return {**BASE[family][1], **(changes(family, recipe) or {}), **SETS[name].changes}


def folder(runs: Path, row: Mapping[str, Any]) -> Path:
  """Where the run of a row is; runs of another length have another one."""
  return runs / row['set'] / row['family'] / row['recipe'] / str(row.get('steps', '')) / str(row['seed'])
