"""Two domains of images without pairs (Zhu et al., "Unpaired image-to-image translation using cycle-consistent
adversarial networks", 2017), with the networks of `jaxgen.models.gan.pix2pix`.

Nothing but the cycle and the two distributions says what belongs to what: a translation may come back to where it began
and still be another one than the true one. `--use=translation` shows its error where the truth is known.
"""

from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields, optim
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.gan import cycle_gan
from jaxgen.losses.gan import PAIRS
from jaxgen.models.gan.pix2pix import Judge, Translator
from jaxgen.types import GenerativeModel

KEYS = {
  'width': Key(32, int, 'channels of the generators', WIDTH),
  'num_layers': Key(2, int, 'of each generator, each mixes all places and then all channels', DEPTH),
  'discriminator_width': Key(32, int, 'channels of the discriminators', WIDTH),
  'loss': Key('least_squares', str, 'of all players', choices=tuple(PAIRS)),
  'cycle_weight': Key(10.0, float, 'lambda, of the distance of a cycle to where it began', '[0, inf)'),
  'identity_weight': Key(0.0, float, 'of what a generator changes in its own domain', '[0, inf)'),
}


class Generator(nn.Module):
  """One domain f32[B, *shape] -> the other, see `jaxgen.models.gan.pix2pix.Translator`."""

  translator: Translator

  def __call__(self, x, train):
    del train
    return self.translator(x)


class Discriminator(nn.Module):
  """x f32[B, H, W, C] -> logits of patches, see `jaxgen.models.gan.pix2pix.Judge`."""

  judge: Judge

  def __call__(self, x, train):
    del train
    return self.judge(x)


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are not two domains of images, something is given, the identity is asked for between images
      of unlike shape, or the discriminators have no optimizer.
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

  def generator(shape):
    return Generator(Translator(shape, model.width, model.num_layers))

  return cycle_gan(
    generator(x.shape),
    generator(y.shape),
    Discriminator(Judge(model.discriminator_width)),
    Discriminator(Judge(model.discriminator_width)),
    loss=PAIRS[model.loss],
    tx_generators=optim.make(config.optimizer, config.num_steps),
    tx_discriminators=optim.make(config.discriminator_optimizer, config.num_steps),
    ema_decay=config.ema_decay,
    x=x,
    y=y,
    cycle_weight=model.cycle_weight,
    identity_weight=model.identity_weight,
    name=model.loss,
  )
