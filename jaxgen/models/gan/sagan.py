"""SAGAN (Zhang et al., "Self-attention generative adversarial networks", 2019): the residual networks of
`jaxgen.models.gan.sngan` with growing widths, self-attention at one side and spectral norms in both.
"""

from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen.config_keys import WIDTH, Key
from jaxgen.models.gan.sngan import LARGEST, Discriminator, Generator, generator_sides
from jaxgen.nn.resampling import Common
from jaxgen.settings import gan as settings
from jaxgen.types import DATA_AXIS, GenerativeModel

KEYS = {
  'generator_width': Key(64, int, 'channels at the side of the image, doubled with every halving', WIDTH),
  'discriminator_width': Key(64, int, 'the same of the discriminator', WIDTH),
  'attention': Key(32, int, 'side of the images all of whose places see each other; 0: none', '[0, 4096]'),
  **settings.KEYS,
}


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if a setting does not fit the data, or the discriminator has no optimizer.
  """
  model, x = config.model, settings.squares(config, LARGEST)
  settings.check_attention(model.attention, generator_sides(x.shape[0]))
  common = Common(True, nn.initializers.glorot_uniform(), axis_name=DATA_AXIS)
  return settings.assemble(
    config,
    Generator(x.shape, model.generator_width, True, common, model.attention),
    Discriminator(
      model.discriminator_width, True, common, model.attention, wide=True, **settings.judging(config)
    ),
  )
