"""What a config can set of every autoregressive model, whatever its network is."""

from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields, optim
from jaxgen.families.autoregressive import Predictor, autoregressive, whole_network
from jaxgen.types import GenerativeModel


def assemble(config: ConfigDict, network: nn.Module, predictor: Predictor = whole_network) -> GenerativeModel:
  """A model of the data that `config` names, on their conditions: see `jaxgen.families.autoregressive`."""
  return autoregressive(
    network,
    tx=optim.make(config.optimizer, config.num_steps),
    ema_decay=config.ema_decay,
    x=fields.of(config)['x'],
    given=fields.given(config),
    predictor=predictor,
  )
