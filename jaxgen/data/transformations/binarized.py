"""Statically binarized images: every pixel a Bernoulli of its intensity, drawn once and for all.

So Salakhutdinov & Murray, "On the quantitative analysis of deep belief networks" (2008), made the benchmark that
autoencoders are compared on, of MNIST. Their draw is another one than this; both are of one distribution. Where images
are drawn anew in every epoch a network cannot learn their noise by heart, and numbers are not of this benchmark.
"""

import numpy as np

from jaxgen.data.source import Arrays, Source, from_arrays
from jaxgen.data.splits import SPLITS
from jaxgen.errors import UserError

_FIELDS = ('x', 'y')


def drawn(x: np.ndarray, places: np.ndarray, split: str, levels: int, field: str = 'x') -> np.ndarray:
  """1 with a probability that is the intensity: the same draw for an image in whatever run, order or batch, and another
  for the image at the same place in another split or field.

  Args:
    x: [N, H, W, C] in [0, levels).
    places: i64[N], of these images in their split.
    split: that they are of, as the set itself divides them.
    levels: at least 2.
    field: 'x' or 'y', which they are.

  Returns:
    uint8[N, H, W, C] of 0 and 1.
  """
  size = int(np.prod(x.shape[1:]))
  stream = SPLITS.index(split) + len(SPLITS) * _FIELDS.index(field)
  # A generator for each image; the stream of a bit generator is the same in every version of NumPy.
  raw = [np.random.Philox(key=[stream, place]).random_raw(size) for place in places.tolist()]
  uniform = (np.reshape(raw, x.shape) >> np.uint64(11)) * 2.0**-53  # in [0, 1)
  return (uniform < x / (levels - 1)).astype(np.uint8)


def binarized(source: Source, split: str, name: str = 'x') -> Source:
  """The images of a split, binarized; all other fields stay. `name` is that of the field which they are in the whole,
  'x' or 'y'.

  Raises:
    UserError: if the source holds no images of whole numbers.
  """
  field = source.spec['x']
  if field.kind != 'image' or field.levels < 2:
    raise UserError(
      f'--config.data.binarized is of images, and {source.name} holds {field.kind} data; set it to False.'
    )
  spec = {**source.spec, 'x': field._replace(levels=2)}

  def changed(arrays, places) -> Arrays:
    return {**arrays, 'x': drawn(arrays['x'], places, split, field.levels, name)}

  title = f'{source.name}, statically binarized'
  if source.arrays is not None:
    return from_arrays(title, spec, changed(source.arrays, np.arange(len(source))))
  key = source.cache_key and f'{source.cache_key} binarized {name}'
  return Source(
    title, spec, len(source), lambda indices: changed(source.examples(indices), indices), cache_key=key
  )
