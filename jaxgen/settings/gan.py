"""What a config sets of an adversarial network."""

from itertools import combinations
from typing import Any

from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields, optim
from jaxgen.config_keys import WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.gan import POLICIES, Augmentation, Penalty, differentiable, gan, heads
from jaxgen.losses.gan import LOSSES, PENALTIES, GanLoss, auxiliary_classifier
from jaxgen.types import DataSpec, Field, GenerativeModel
from jaxgen.updates import clipped, orthogonal_regularization

# 'color', 'color,cutout', ...
_AUGMENTATIONS = tuple(
  ','.join(policies) for num in range(len(POLICIES) + 1) for policies in combinations(POLICIES, num)
)

KEYS = {
  'latent_dim': Key(32, int, 'numbers in a latent vector', WIDTH),
  'loss': Key('non_saturating', str, 'of both players', choices=tuple(LOSSES)),
  'classifier_weight': Key(
    0.0, float, 'of the labels in the losses of both players (AC-GAN); 0: none', '[0, inf)', before=0.0
  ),
  'discriminator_steps': Key(1, int, 'per generator step', '[1, 1000]'),
  'penalty': Key('', str, 'on the gradient of the discriminator', choices=('', *PENALTIES)),
  'penalty_weight': Key(0.0, float, 'of the penalty in the loss', '[0, inf)'),
  'penalty_period': Key(1, int, 'discriminator steps between two with the penalty', '[1, 1000]'),
  'weight_clip': Key(
    0.0, float, 'the largest size of a weight of the discriminator (WGAN); 0: any', '[0, inf)', before=0.0
  ),
  'augmentation': Key(
    '', str, 'of the images that the discriminator sees', choices=_AUGMENTATIONS, before=''
  ),
}


def assemble(
  config: ConfigDict,
  generator: nn.Module,
  discriminator: nn.Module,
  *,
  orthogonal_weight: float = 0.0,
  **slots: Any,
) -> GenerativeModel:
  """The model of these networks.

  Args:
    config: `config.model` holds `KEYS`; `config.optimizer` is the generator's, `config.discriminator_optimizer` the
      discriminator's.
    generator: as `jaxgen.families.gan.gan` takes it.
    discriminator: the same.
    orthogonal_weight: of the orthogonal regularization of the generator, of all but what it calls 'embedding'.
    **slots: further arguments of `jaxgen.families.gan.gan`, and a `latent_dim` that the networks ask for.

  Raises:
    UserError: if the discriminator has no optimizer, or a setting does not fit the data or another one.
  """
  model, spec, given = config.model, fields.of(config), fields.given(config)
  if 'discriminator_optimizer' not in config:
    raise UserError('config.discriminator_optimizer is missing; set it to jaxgen.config.optimizer().')
  has_penalty = model.penalty and model.penalty_weight
  slots = {'latent_dim': model.latent_dim, **slots}
  apart = orthogonal_regularization(orthogonal_weight, without=('embedding',)) if orthogonal_weight else None
  game = gan(
    generator,
    discriminator,
    loss=loss(config),
    tx_generator=optim.make(
      config.optimizer, config.num_steps, period=model.discriminator_steps, first=apart
    ),
    tx_discriminator=optim.make(config.discriminator_optimizer, config.num_steps),
    ema_decay=config.ema_decay,
    x=spec['x'],
    given=given,
    label=spec.get('label'),
    discriminator_steps=model.discriminator_steps,
    penalty=Penalty(PENALTIES[model.penalty], model.penalty_weight, model.penalty_period)
    if has_penalty
    else None,
    projection=clipped(model.weight_clip) if model.weight_clip else None,
    augmentation=_augmentation(config, spec),
    name=model.loss + (f' + {model.classifier_weight:g} * classes' if model.classifier_weight else ''),
    **slots,
  )
  if not orthogonal_weight:
    return game
  return game._replace(
    objective=f'{game.objective}; the generator with + {orthogonal_weight:g} * orthogonality of its kernels'
  )


def loss(config: ConfigDict) -> GanLoss:
  """The game of `config.model`.

  Raises:
    UserError: if a classifier is asked for beside another one.
  """
  model = config.model
  if not model.classifier_weight:
    return LOSSES[model.loss]
  if 'real_classes' in LOSSES[model.loss].needs:
    raise UserError(
      f'config.model.classifier_weight={model.classifier_weight} is of losses that know no classes, and '
      f'{model.loss} does; set it to 0.'
    )
  return auxiliary_classifier(LOSSES[model.loss], model.classifier_weight)


def judging(config: ConfigDict) -> dict[str, Any]:
  """What a discriminator has to know of what its loss needs: its `heads`, and how many `classes` the data have."""
  return {'heads': heads(loss(config)), 'classes': fields.classes(fields.of(config))}


def check_image(x: Field) -> None:
  """That x can be the image of a convolutional network.

  Raises:
    UserError: if it is no image.
  """
  if x.kind != 'image':
    raise UserError(
      f'A convolutional GAN needs images, not {x.kind} data of shape {x.shape}; for vectors there is '
      'jaxgen.models.gan.gan_mlp.'
    )


def squares(config: ConfigDict, most: int) -> Field:
  """What is modelled by a network that halves images to a few pixels.

  Raises:
    UserError: if it is no square image of 8 pixels to `most`.
  """
  x = fields.of(config)['x']
  check_image(x)
  if x.shape[0] != x.shape[1] or not 8 <= x.shape[0] <= most:
    raise UserError(
      f'{config.module} halves square images of 8 to {most} pixels a side, and cannot halve {x.shape}; '
      'set --config.data.image_size=32, for instance.'
    )
  return x


def check_attention(attention: int, sides: tuple[int, ...]) -> None:
  """That `config.model.attention` is a side that both networks have: between the first and the last of the generator.

  Raises:
    UserError: if it is another one.
  """
  inner = sides[1:-1]
  if attention and attention not in inner:
    ways = f'one of these, {", ".join(map(str, inner))}, or to 0' if inner else '0'
    raise UserError(
      f'config.model.attention={attention} is no side that both networks have; set it to {ways}.'
    )


def _augmentation(config: ConfigDict, spec: DataSpec) -> Augmentation | None:
  """
  Raises:
    UserError: if the data are no images, or others are given, which would have to be changed alike.
  """
  name = config.model.augmentation
  if not name:
    return None
  others = [field.kind for field in fields.given(config).values() if field.kind != 'label']
  if spec['x'].kind != 'image' or others:
    what = f'{others[0]} data are given' if others else f'{config.data.name} has {spec["x"].kind} data'
    raise UserError(
      f'config.model.augmentation="{name}" is of images, with labels or nothing given, and here {what}; '
      'set it to "".'
    )
  return differentiable(name.split(','))
