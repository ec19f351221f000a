"""Fields as arrays: of which type they are, a batch of zeros, and how a config writes them down."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxgen.types import DataSpec, Field

# The mask that is 1 where an entry of x was observed, and 0 where it is missing or fills an example up.
OBSERVED = 'observed'
# What was removed from x to see how well it is imputed, and where: the answers, which no model sees.
ANSWERS = ('truth', 'removed')
KINDS = ('image', 'vector', 'table', 'tokens', 'audio', 'label', 'mask')


def dtype(field: Field) -> np.dtype:
  """The type of its arrays: uint8 up to 256 levels, int32 above, float32 where values are continuous."""
  return dtype_of(field.levels)


def dtype_of(levels: int) -> np.dtype:
  """That of arrays of so many values, by the same rule."""
  if not levels:
    return np.dtype(np.float32)
  return np.dtype(np.uint8 if levels <= 256 else np.int32)


def size(field: Field) -> int:
  """The entries of one example, D."""
  return math.prod(field.shape)


def nbytes(spec: DataSpec) -> int:
  """The bytes of one example, all its fields together."""
  return sum(size(field) * dtype(field).itemsize for field in spec.values())


def blank(spec: DataSpec, *leading: int) -> dict[str, np.ndarray]:
  """Zeros in the shape of examples: `{name: [*leading, *shape]}`."""
  return {name: np.zeros((*leading, *field.shape), dtype(field)) for name, field in spec.items()}


def has_gaps(spec: DataSpec) -> bool:
  """Whether x is of continuous entries and the mask `observed`, of its shape, says which of them there are."""
  return not spec['x'].levels and spec.get(OBSERVED) == Field('mask', spec['x'].shape, 2)


def is_padded(spec: DataSpec) -> bool:
  """Whether x is a sequence of tokens whose mask `observed` says which hold the example: the others fill it up."""
  x = spec['x']
  return x.kind == 'tokens' and len(x.shape) == 1 and spec.get(OBSERVED) == Field('mask', x.shape, 2)


def num_observed(batch: Mapping[str, Any]) -> Any:
  """How many entries of x each example of a batch with such a mask has, [B]."""
  return (batch[OBSERVED] != 0).reshape(len(batch[OBSERVED]), -1).sum(-1)


def classes(spec: DataSpec) -> int:
  """The number of labels of a data set; 0 where it has none."""
  return spec['label'].levels if 'label' in spec else 0


def of(config: Any) -> DataSpec:
  """The fields of a resolved config's data."""
  return from_dict(config.data.fields.to_dict())


def given(config: Any) -> DataSpec:
  """Those of them that are conditions, by `config.given`."""
  spec = of(config)
  return {name: spec[name] for name in config.given}


def to_dict(spec: DataSpec) -> dict[str, Any]:
  """As a config and JSON hold it: `{'x': {'kind': 'image', 'shape': (8, 8, 1), 'levels': 17}}`."""
  return {name: field._asdict() for name, field in spec.items()}


def from_dict(values: Mapping[str, Mapping[str, Any]]) -> dict[str, Field]:
  """The inverse of `to_dict`; 'x' comes first."""
  names = sorted(values, key=lambda name: (name != 'x', name))
  return {
    name: Field(values[name]['kind'], tuple(values[name]['shape']), values[name]['levels']) for name in names
  }
