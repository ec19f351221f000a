"""Binarized images: every pixel a Bernoulli of its intensity, drawn once and for all, or so many times for training.

Salakhutdinov & Murray, "On the quantitative analysis of deep belief networks" (2008), made the benchmark that
autoencoders are compared on by one draw of MNIST. Theirs is another one than this; both are of one distribution. Of
images that are drawn anew in every epoch, as Burda et al., "Importance weighted autoencoders" (2016), have them, a
network cannot learn the noise by heart, which is easier by nats: their numbers stand apart.
"""

import numpy as np
from ml_collections import ConfigDict

from jaxgen.data import order
from jaxgen.data.source import Arrays, Source, from_arrays
from jaxgen.data.splits import SPLITS
from jaxgen.errors import UserError

_FIELDS = ('x', 'y')
_ANEW = 1 << 63  # added to a place: streams that neither the one draw nor the order of an epoch has


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
  stream = SPLITS.index(split) + len(SPLITS) * _FIELDS.index(field)
  return _bernoulli(x, levels, ([stream, place] for place in places.tolist()))


def _bernoulli(x, levels, streams):
  """By a generator for each image; the stream of a bit generator is the same in every version of NumPy."""
  size = int(np.prod(x.shape[1:]))
  raw = [np.random.Philox(key=np.array(stream, np.uint64)).random_raw(size) for stream in streams]
  uniform = (np.reshape(raw, x.shape) >> np.uint64(11)) * 2.0**-53  # in [0, 1)
  return (uniform < x / (levels - 1)).astype(np.uint8)


def binarized(source: Source, split: str, name: str = 'x') -> Source:
  """The images of a split, binarized; all other fields stay. `name` is that of the field which they are in the whole,
  'x' or 'y'.

  Raises:
    UserError: if the source holds no images of whole numbers.
  """
  field = _checked(source)
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


class Redrawn(Source):
  """Each image of a training set so many times, binarized by as many draws, none of which is that of `binarized`.

  Example `i` is of image `i % N`, N the images there are. Training goes through all images in every epoch, and epoch
  `e` has the draw `e % draws` of each.
  """

  def __init__(self, source: Source, draws: int, name: str = 'x'):
    """`name` is that of the field which the images are in the whole, 'x' or 'y'.

    Raises:
      UserError: if the source holds no images of whole numbers.
    """
    field = _checked(source)
    spec = {**source.spec, 'x': field._replace(levels=2)}
    super().__init__(f'{source.name}, {draws} draws of each', spec, draws * len(source), self._drawn)
    self._grey, self._levels, self._draws, self._field = source, field.levels, draws, _FIELDS.index(name)

  def indices(self, seed: int, step: int, batch_size: int) -> np.ndarray:
    size = len(self._grey)
    epochs = (step * batch_size + np.arange(batch_size)) // size
    return epochs % self._draws * size + order.batch_indices(seed, step, size, batch_size)

  def _drawn(self, indices: np.ndarray) -> Arrays:
    self._grey.resident()  # so that an image is decoded once, not for each of its draws
    draws, places = np.divmod(indices, len(self._grey))
    arrays = self._grey.examples(places)
    streams = (draws * len(_FIELDS) + self._field).tolist()
    keys = ([stream, _ANEW + place] for stream, place in zip(streams, places.tolist(), strict=True))
    return {**arrays, 'x': _bernoulli(arrays['x'], self._levels, keys)}


def check_draws(config: ConfigDict) -> None:
  """Refuses `config.data` that asks for many draws of images which are not binarized.

  Raises:
    UserError: in one sentence.
  """
  if config.binarized_draws > 1 and not config.binarized:
    raise UserError(
      f'--config.data.binarized_draws={config.binarized_draws} is of binarized images; add '
      '--config.data.binarized=True.'
    )


def _checked(source):
  """The field x of a source of images."""
  field = source.spec['x']
  if field.kind != 'image' or field.levels < 2:
    raise UserError(
      f'--config.data.binarized is of images, and {source.name} holds {field.kind} data; set it to False.'
    )
  return field
