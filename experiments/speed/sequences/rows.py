"""What is drawn: models of sequences, which can be made for any length."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from experiments.speed.cases import CONFIGS, load
from jaxgen import experiment, fields
from jaxgen.types import Field


class Row(NamedTuple):
  """A model whose examples may have any length.

  Attributes:
    config: a file in `configs/`.
    changes: dotted keys of that config and their values.
    field: of x, by its length; None where there is none of this length.
  """

  config: str
  changes: Mapping[str, Any]
  field: Callable[[int], Field | None]


def _tokens(levels):
  return lambda length: Field('tokens', (length,), levels)


def _square(length):
  """Images of one channel, whose length is a square."""
  side = math.isqrt(length)
  return Field('image', (side, side, 1), 17) if side * side == length else None


def _sound(length):
  return Field('audio', (length, 1), 256)


_ALL = {
  'LSTM': Row('rnnlm_text', {}, _tokens(128)),
  'Transformer, window of 64': Row('transformer_text', {'model.window': 64}, _tokens(1024)),
  'Transformer, all before': Row('transformer_text', {}, _tokens(1024)),
  'PixelCNN': Row('pixelcnn_digits', {}, _square),
  'WaveNet': Row('wavenet_strings', {'given': ()}, _sound),
}
ROWS = {name: row for name, row in _ALL.items() if (CONFIGS / f'{row.config}.py').exists()}


def settings(row: Row, length: int) -> ConfigDict | None:
  """The config of a row whose examples have this length; None where there is none."""
  field = row.field(length)
  if field is None:
    return None
  config = experiment.completed(load(row.config))
  config.update_from_flattened_dict(dict(row.changes))
  config.data.context = length
  config.data.fields = ConfigDict(fields.to_dict({'x': field}))
  return config
