"""Two domains of images without pairs (Zhu et al., "Unpaired image-to-image translation using cycle-consistent
adversarial networks", 2017).

As published: generator resnet with a width of 64, 2 halvings and 6 or 9 layers, discriminator patch with 3 halvings, a
pool of 50, least squares, a batch of one. The mixer and the small discriminator are for small images.

Nothing but the cycle and the two distributions says what belongs to what: a translation may come back to where it began
and still be another one than the true one. `--use=translation` shows its error where the truth is known.
"""

from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields, optim
from jaxgen.config_keys import Key
from jaxgen.errors import UserError
from jaxgen.families.gan import cycle_gan
from jaxgen.losses.gan import PAIRS
from jaxgen.settings import translation as settings
from jaxgen.types import GenerativeModel

KEYS = {
  'generator': Key('mixer', str, 'of either domain', choices=('mixer', 'resnet'), before='mixer'),
  **settings.KEYS,
  'loss': Key('least_squares', str, 'of all players', choices=tuple(PAIRS)),
  'cycle_weight': Key(10.0, float, 'lambda, of the distance of a cycle to where it began', '[0, inf)'),
  'identity_weight': Key(0.0, float, 'of what a generator changes in its own domain', '[0, inf)'),
  'pool': Key(
    0, int, 'earlier translations that a discriminator sees; 0: none but the newest', '[0, 65536]', before=0
  ),
}


class Generator(nn.Module):
  """One domain f32[B, *shape] -> the other, see `jaxgen.nn.translation`."""

  translator: nn.Module

  def __call__(self, x, train):
    del train
    return self.translator(x)


class Discriminator(nn.Module):
  """x f32[B, H, W, C] -> logits of patches, see `jaxgen.nn.translation`."""

  judge: nn.Module

  def __call__(self, x, train):
    del train
    return self.judge(x)


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are not two domains of images, something is given, the identity is asked for between images
      of unlike shape, a network cannot halve them, the pool is never filled, or the discriminators have no optimizer.
  """
  model, spec = config.model, fields.of(config)
  x, y = spec['x'], spec.get('y')
  if y is None or x.kind != 'image' or y.kind != 'image' or config.given:
    raise UserError(
      'cyclegan needs two domains of images, x and y, and nothing that is given; set '
      '--config.data.name=domains:<folder>, or --config.data.twin with --config.data.paired=False.'
    )
  if model.identity_weight and x.shape != y.shape:
    raise UserError(
      f'config.model.identity_weight is of domains of one shape, and here are {x.shape} and {y.shape}; set it to 0.'
    )
  if 'discriminator_optimizer' not in config:
    raise UserError('config.discriminator_optimizer is missing; set it to jaxgen.config.optimizer().')

  made = config.batch_size * config.accumulate * config.num_steps
  if model.pool > made:
    raise UserError(
      f'config.model.pool={model.pool} holds more than the {made} translations that {config.num_steps} steps of '
      f'{config.batch_size} examples make, and would never give back an earlier one; set it to at most that.'
    )

  return cycle_gan(
    Generator(settings.generator(config, x.shape)),
    Generator(settings.generator(config, y.shape)),
    Discriminator(settings.discriminator(config, x.shape)),
    Discriminator(settings.discriminator(config, y.shape)),
    loss=PAIRS[model.loss],
    tx_generators=optim.make(config.optimizer, config.num_steps),
    tx_discriminators=optim.make(config.discriminator_optimizer, config.num_steps),
    ema_decay=config.ema_decay,
    x=x,
    y=y,
    cycle_weight=model.cycle_weight,
    identity_weight=model.identity_weight,
    pool=model.pool,
    name=model.loss,
  )
