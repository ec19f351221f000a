"""Archives that `npz:` reads as data: arrays of fields, and what tells their kinds and levels."""

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen import fields, files
from jaxgen.types import DataSpec, Field

Parts = Iterable[np.ndarray]  # of one array, in order


def described(spec: DataSpec) -> dict[str, Any]:
  """What `npz:` reads beside arrays of these fields: `kind` and `levels` of x, `y_kind` and `y_levels` of y."""
  found: dict[str, Any] = {}
  for name, field in spec.items():
    start = '' if name == 'x' else f'{name}_'
    found |= {f'{start}kind': field.kind, f'{start}levels': field.levels}
  return found


def write(path: Path, spec: DataSpec, arrays: Mapping[str, np.ndarray], **notes: Any) -> None:
  """Arrays that are in memory, compressed, whole or not at all; `notes` are numbers and texts beside them."""
  with files.replacing(path) as part, open(part, 'wb') as file:
    members: dict[str, Any] = {**arrays, **described(spec), **notes}
    np.savez_compressed(file, **members)


def stream(path: Path, spec: DataSpec, num: int, parts: Mapping[str, Parts]) -> None:
  """Arrays of `num` examples, part by part, so that they need not fit into memory; whole or not at all.

  Args:
    path: of the archive.
    spec: of what it holds.
    num: of examples; parts beyond are cut off.
    parts: of each field, one after the other; each is gone through once, in the order of the mapping.
  """
  with files.replacing(path) as part, zipfile.ZipFile(part, 'w') as archive:
    for name, pieces in parts.items():
      with archive.open(f'{name}.npy', 'w', force_zip64=True) as member:
        _stream(member, spec[name], num, pieces)
    for name, value in described(spec).items():
      with archive.open(f'{name}.npy', 'w') as member:
        np.lib.format.write_array(member, np.asarray(value))


def _stream(member, field: Field, num: int, pieces: Parts):
  dtype = fields.dtype(field)
  descr = np.lib.format.dtype_to_descr(dtype)
  header = {'descr': descr, 'fortran_order': False, 'shape': (num, *field.shape)}
  np.lib.format.write_array_header_1_0(member, header)
  left = num
  for piece in pieces:
    piece = np.ascontiguousarray(piece[:left], dtype)
    member.write(piece.tobytes())
    left -= len(piece)
