"""Decoded images on disk: CIFAR-10 takes seconds to decode and a tenth of one to read back."""

import hashlib
import os
from collections.abc import Callable, Mapping
from concurrent import futures
from pathlib import Path

import numpy as np
from absl import logging

from jaxgen import files
from jaxgen.data.images import UnreadableImages

# {name: (shape, dtype)} of the arrays of a whole split
Expected = Mapping[str, tuple[tuple[int, ...], np.dtype]]
# i64[B] -> arrays of these examples
Read = Callable[[np.ndarray], Mapping[str, np.ndarray]]

_CHUNK = 256  # examples that one thread decodes at a time
_WORTH_A_WORD = 5_000  # so many images take about a second to decode


def directory() -> Path | None:
  """Where decoded data sets are kept: `$JAXGEN_CACHE` or else `~/.cache/jaxgen`; it may be deleted.

  None for a user without a home, as in some containers.
  """
  chosen = os.environ.get('JAXGEN_CACHE')
  if chosen:
    return Path(chosen).expanduser()
  home = os.path.expanduser('~')
  return Path(home) / '.cache' / 'jaxgen' if os.path.isabs(home) else None


def decoded(key: str, expected: Expected, read: Read) -> Mapping[str, np.ndarray]:
  """All examples of a split: from the cache, or else by `read`, after which the cache has them.

  One uncompressed npz file holds one split. The zip format has a checksum of each array, so that a
  damaged file is noticed, and is then made anew. A cache that cannot be written (no space, no permission)
  is done without.

  Args:
    key: everything that the decoded values depend on; empty: nothing is kept on disk.
    expected: what the arrays must be.
    read: `i64[B] -> arrays` of these examples; called from several threads.
  """
  folder = directory()
  if not key or folder is None:
    return read_all(expected, read)
  path = folder / f'{hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()[:32]}.npz'
  arrays = files.load_arrays(path)
  if arrays is None or {name: (a.shape, a.dtype) for name, a in arrays.items()} != dict(expected):
    (size, *_), _ = expected['x']
    if size >= _WORTH_A_WORD:
      logging.info('Decoding %d images; the next run finds them in %s', size, folder)
    arrays = read_all(expected, read)
    files.save_arrays(path, arrays)
  return arrays


def read_all(expected: Expected, read: Read) -> dict[str, np.ndarray]:
  """Every example, read in chunks by as many threads as there are cores: Pillow decodes without the GIL.

  Raises:
    UnreadableImages: naming all of them, not just those of the first chunk.
  """
  arrays = {name: np.empty(shape, dtype) for name, (shape, dtype) in expected.items()}
  size = len(arrays['x'])

  def fill(start):
    chunk = np.arange(start, min(start + _CHUNK, size))
    for name, value in read(chunk).items():
      arrays[name][start : start + len(chunk)] = value

  unreadable = []
  with futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
    for done in [pool.submit(fill, start) for start in range(0, size, _CHUNK)]:
      try:
        done.result()
      except UnreadableImages as error:
        unreadable += error.names
  if unreadable:
    raise UnreadableImages(unreadable)
  return arrays


def fingerprint(folder: Path) -> str:
  """Changes when a file below this folder is added, removed or written to."""
  found = sorted(path for path in folder.rglob('*') if path.is_file())
  lines = [f'{path.relative_to(folder)} {path.stat().st_size} {path.stat().st_mtime_ns}' for path in found]
  return hashlib.sha256('\n'.join(lines).encode(errors='surrogateescape')).hexdigest()
