"""What a config can set of every autoregressive model, whatever its network is."""

from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields, optim
from jaxgen.errors import UserError
from jaxgen.families.autoregressive import Predictor, autoregressive, whole_network
from jaxgen.families.distributions import Distribution
from jaxgen.types import Field, GenerativeModel


def assemble(
  config: ConfigDict,
  network: nn.Module,
  predictor: Predictor = whole_network,
  distribution: Distribution | None = None,
  goes_on: bool = False,
) -> GenerativeModel:
  """A model of the data that `config` names, on their conditions: see `jaxgen.families.autoregressive`."""
  return autoregressive(
    network,
    tx=optim.make(config.optimizer, config.num_steps),
    ema_decay=config.ema_decay,
    x=fields.of(config)['x'],
    given=fields.given(config),
    distribution=distribution,
    predictor=predictor,
    padded=fields.is_padded(fields.of(config)),
    end=config.data.get('end'),
    goes_on=goes_on,
  )


def tokens(config: ConfigDict) -> Field:
  """What is modelled, which is text.

  Raises:
    UserError: if it is not.
  """
  x = fields.of(config)['x']
  if x.kind != 'tokens':
    raise UserError(f'{config.module} models text, not {x.kind} data of shape {x.shape}.')
  return x


def audio(config: ConfigDict) -> Field:
  """What is modelled, which is sound of one channel, as codes.

  Raises:
    UserError: if it is not.
  """
  x = fields.of(config)['x']
  if x.kind != 'audio' or x.shape[1:] != (1,) or x.levels < 2:
    raise UserError(
      f'{config.module} models sound of one channel, not {x.kind} data of shape {x.shape}'
      f'{"" if x.levels else " with continuous values"}; --config.data.name=audio:strings is such.'
    )
  return x


def check_heads(model: ConfigDict) -> None:
  """Holds the heads of attention against the width, of `config.model`.

  Raises:
    UserError: if they do not share it.
  """
  if model.width % model.num_heads:
    raise UserError(
      f'config.model.width={model.width} must be a multiple of config.model.num_heads={model.num_heads}.'
    )
