"""What a config sets of networks that carry images to images."""

from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.nn.translation import (
  Mixer,
  PatchDiscriminator,
  ResNetGenerator,
  SmallPatchDiscriminator,
  UNet,
)

_HALVINGS = '[1, 16]'

# What every generator and discriminator takes; `generator` itself is a key of each model, which says what it may be.
KEYS = {
  'width': Key(32, int, 'channels of a generator', WIDTH),
  'num_layers': Key(2, int, 'mixer: each mixes all places and then all channels; resnet: blocks', DEPTH),
  'halvings': Key(2, int, 'of the image by a generator: resnet, unet', _HALVINGS, before=2),
  'discriminator': Key('small', str, 'of patches', choices=('small', 'patch'), before='small'),
  'discriminator_width': Key(32, int, 'channels of a discriminator', WIDTH),
  'discriminator_halvings': Key(3, int, 'of the image by the discriminator: patch', _HALVINGS, before=3),
}


def generator(config: ConfigDict, shape: tuple[int, ...]) -> nn.Module:
  """The network that `config.model.generator` names, for images of this shape.

  Raises:
    UserError: if it cannot halve them so often.
  """
  model = config.model
  kind, halvings = model.generator, model.halvings
  if kind == 'mixer':
    return Mixer(shape, model.width, model.num_layers)
  made = UNet if kind == 'unet' else ResNetGenerator
  if not all(made.fits(side, halvings) for side in shape[:2]):
    raise UserError(
      f'config.model.generator={kind} cannot halve images of {shape[0]}x{shape[1]} pixels {halvings} times; lower '
      f'config.model.halvings, or set --config.data.image_size to a larger multiple of {2**halvings}.'
    )
  if kind == 'unet':
    return UNet(shape, model.width, halvings)
  return ResNetGenerator(shape, model.width, halvings, model.num_layers)


def discriminator(config: ConfigDict, shape: tuple[int, ...], affine: bool = False) -> nn.Module:
  """The network that `config.model.discriminator` names, of images of this shape.

  Raises:
    UserError: if it cannot halve them so often.
  """
  model = config.model
  if model.discriminator == 'small':
    return SmallPatchDiscriminator(model.discriminator_width)
  patches = PatchDiscriminator(model.discriminator_width, model.discriminator_halvings, affine)
  if min(map(patches.side, shape[:2])) < 1:
    raise UserError(
      f'{shape[0]}x{shape[1]} images halved {patches.halvings} times leave no patch to judge; lower '
      'config.model.discriminator_halvings.'
    )
  return patches
