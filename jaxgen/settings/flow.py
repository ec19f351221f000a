"""What a config can set of every flow, whatever its bijector is."""

from ml_collections import ConfigDict

from jaxgen import fields, optim
from jaxgen.bijectors import Bijector
from jaxgen.config_keys import Key
from jaxgen.families.flow import flow
from jaxgen.types import GenerativeModel

KEYS = {'temperature': Key(1.0, float, 'of the samples', '[0, 100]')}


def assemble(config: ConfigDict, bijector: Bijector) -> GenerativeModel:
  """A flow of the data that `config` names, on their conditions; `config.model` holds `KEYS`."""
  return flow(
    bijector,
    tx=optim.make(config.optimizer, config.num_steps),
    ema_decay=config.ema_decay,
    x=fields.of(config)['x'],
    given=fields.given(config),
    temperature=config.model.temperature,
  )
