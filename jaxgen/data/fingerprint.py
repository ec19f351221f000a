"""What tells a data set from the one that it was: its length and its content, not names or times of files."""

import hashlib

import numpy as np

from jaxgen.data.source import Source

_MOST_EXAMPLES = 256  # of a set that is not held in memory: each may have to be decoded


def fingerprint(source: Source) -> dict[str, int | str]:
  """`{'examples': length, 'sha256': of all examples}`; of 256 of them where the set is not held in memory.

  Raises:
    UserError: if one of them cannot be read.
  """
  arrays = source.resident()
  if arrays is None:
    places = np.linspace(0, len(source) - 1, min(len(source), _MOST_EXAMPLES)).astype(int)
    arrays = source.examples(places)
  digest = hashlib.sha256()
  for name, array in sorted(arrays.items()):
    # labels as numbers of 32 bits, whatever they are kept in: so were they hashed by runs that are older than that
    is_label = source.spec[name].kind == 'label'
    array = np.ascontiguousarray(array, np.int32 if is_label else None)
    digest.update(f'{name} {array.dtype.str} {array.shape}'.encode())
    digest.update(array.view(np.uint8).data if array.size else b'')
  return {'examples': len(source), 'sha256': digest.hexdigest()}
