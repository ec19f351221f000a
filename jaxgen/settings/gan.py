"""What a config sets of an adversarial network."""

from typing import Any

from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields, optim
from jaxgen.config_keys import WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.gan import Penalty, gan
from jaxgen.losses.gan import PAIRS, PENALTIES
from jaxgen.types import GenerativeModel

KEYS = {
  'latent_dim': Key(32, int, 'numbers in a latent vector', WIDTH),
  'loss': Key('non_saturating', str, 'of both players', choices=tuple(PAIRS)),
  'discriminator_steps': Key(1, int, 'per generator step', '[1, 1000]'),
  'penalty': Key('', str, 'on the gradient of the discriminator', choices=('', *PENALTIES)),
  'penalty_weight': Key(0.0, float, 'of the penalty in the loss', '[0, inf)'),
  'penalty_period': Key(1, int, 'discriminator steps between two with the penalty', '[1, 1000]'),
}


def assemble(
  config: ConfigDict, generator: nn.Module, discriminator: nn.Module, **slots: Any
) -> GenerativeModel:
  """The model of these networks.

  Args:
    config: `config.model` holds `KEYS`; `config.optimizer` is the generator's, `config.discriminator_optimizer` the
      discriminator's.
    generator: as `jaxgen.families.gan.gan` takes it.
    discriminator: the same.
    **slots: further arguments of `jaxgen.families.gan.gan`.

  Raises:
    UserError: if the discriminator has no optimizer.
  """
  model = config.model
  if 'discriminator_optimizer' not in config:
    raise UserError('config.discriminator_optimizer is missing; set it to jaxgen.config.optimizer().')
  has_penalty = model.penalty and model.penalty_weight
  return gan(
    generator,
    discriminator,
    loss=PAIRS[model.loss],
    tx_generator=optim.make(config.optimizer, config.num_steps, period=model.discriminator_steps),
    tx_discriminator=optim.make(config.discriminator_optimizer, config.num_steps),
    ema_decay=config.ema_decay,
    latent_dim=model.latent_dim,
    x=fields.of(config)['x'],
    given=fields.given(config),
    discriminator_steps=model.discriminator_steps,
    penalty=Penalty(PENALTIES[model.penalty], model.penalty_weight, model.penalty_period)
    if has_penalty
    else None,
    name=model.loss,
    **slots,
  )
