"""Arrays kept on disk between evaluations: whole or absent, and found again by what they depend on."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgen import files

Arrays = dict[str, np.ndarray]


def fingerprint(*things: Any) -> str:
  """64 hexadecimal digits that change with any of these: strings, numbers, tuples, trees of arrays."""
  digest = hashlib.sha256()
  for path, leaf in jax.tree_util.tree_leaves_with_path(things):
    digest.update(jax.tree_util.keystr(path).encode())
    if isinstance(leaf, (str, int, float, bool)):
      digest.update(repr(leaf).encode())
    else:
      array = np.ascontiguousarray(leaf)
      digest.update(f'{array.dtype.str}{array.shape}'.encode())
      digest.update(array.view(np.uint8).data if array.size else b'')
  return digest.hexdigest()


def resumable(
  folder: Path | None, name: str, count: int, compute: Callable[[int], Arrays]
) -> Iterator[Arrays]:
  """`compute(0), ..., compute(count - 1)`, those that are on disk already from there.

  Args:
    folder: where finished parts lie, named by all that they depend on; None: nothing is kept.
    name: of the files.
    count: how many parts.
    compute: must be a function of its argument alone.
  """
  for index in range(count):
    path = folder and folder / f'{name}_{index:05d}.npz'
    arrays = files.load_arrays(path) if path else None
    if arrays is None:
      arrays = {key: np.asarray(value) for key, value in compute(index).items()}
      if path:
        files.save_arrays(path, arrays)
    yield arrays


def joined(parts: Iterator[Arrays], num: int) -> Arrays:
  """The first `num` rows of all parts."""
  rows = list(parts)
  return {name: np.concatenate([part[name] for part in rows])[:num] for name in rows[0]}
