"""A classifier of blurred images or vectors, by which the samples of a score model are guided: a stage of it.

Set `--config.stages.classifier=<its folder>` for a run that was trained without labels.
"""

import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields, optim
from jaxgen.config_keys import WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.score import classifier
from jaxgen.models.score.unet import NoiseEmbedding
from jaxgen.nn import Conv
from jaxgen.settings import score_slots
from jaxgen.types import GenerativeModel

KEYS = {
  'widths': Key(
    (32, 64), tuple[int, ...], 'of images: channels; each after the first at half the pixels', WIDTH, least=1
  ),
  'hidden': Key(128, int, 'of the dense layers', WIDTH),
  'dropout': Key(0.0, float, 'the share of values that training leaves out', '[0, 1)'),
  'sigma_data': Key(0.5, float, 'standard deviation of the data', '(0, inf)'),
  'path': {name: key for name, key in score_slots.PATH.items() if name != 'coupling'},
}


class NoisyClassifier(nn.Module):
  """x f32[B, ...] and sigma f32[B] -> logits f32[B, classes]: convolutions of images, dense layers of all else.

  Attributes:
    classes: number of labels.
    widths: channels of the convolutions; none of what are no images.
    hidden: width of the two dense layers.
    dropout: the share of values that training leaves out.
  """

  classes: int
  widths: tuple[int, ...]
  hidden: int
  dropout: float = 0.0

  @nn.compact
  def __call__(self, x, sigma, given, train):
    embedding, h = NoiseEmbedding(self.hidden)(jnp.log(sigma), given), x
    for index, width in enumerate(self.widths):
      h = Conv(width, (3, 3), (2, 2) if index else (1, 1))(h)
      h = nn.silu(h + nn.Dense(width)(embedding)[:, None, None])
    h = h.reshape(len(h), -1)
    for _ in range(2):
      h = nn.silu(nn.Dense(self.hidden)(h) + nn.Dense(self.hidden)(embedding))
      h = nn.Dropout(self.dropout, deterministic=not train)(h)
    return nn.Dense(self.classes, kernel_init=nn.initializers.zeros_init())(h)


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data have no labels, are neither images nor vectors, or the path has no end.
  """
  model, spec = config.model, fields.of(config)
  x = spec['x']
  if x.kind not in ('vector', 'image'):
    raise UserError(f'A classifier of blurred data needs images or vectors, not {x.kind} data.')
  if 'label' not in spec or spec['label'].shape:
    raise UserError(f'A classifier needs labels, and {config.data.name} has none; give other data.')
  if config.given:
    raise UserError('A classifier is given x alone, and tells the label; set config.given=().')
  widths = tuple(model.widths) if x.kind == 'image' else ()
  return classifier(
    NoisyClassifier(spec['label'].levels, widths, model.hidden, model.dropout),
    path=score_slots.path(config),
    tx=optim.make(config.optimizer, config.num_steps),
    ema_decay=config.ema_decay,
    x=x,
    label=spec['label'],
    data_std=model.sigma_data,
  )
