"""What images are compared by: features of a network, and everything a record must say about them."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxgen import fields, files
from jaxgen.errors import UserError
from jaxgen.metrics import storage
from jaxgen.metrics.features import classifier, inception, inception_weights, ngrams, spectra
from jaxgen.metrics.features.reference import Reference, split_fingerprint, spread_out
from jaxgen.metrics.features.resize import to_bytes
from jaxgen.metrics.frechet import check_features

_SETTINGS = classifier.Settings()
_MOST_EXAMPLES = 60_000  # that a classifier is trained on, held in memory


class Features(NamedTuple):
  """A function from images to vectors.

  Attributes:
    name: what it is, as a record states it.
    sha: of its parameters: equal names with other parameters give other numbers.
    resize: what happens to images before.
    apply: `x[B, ...] -> (f32[B, D], logits f32[B, K] or None)`, x as the data layer gives it.
    batch_size: how many images at a time.
    width: how many features there are, D.
    has_logits: whether there are logits: an Inception score needs them.
    classes: the number of the data's own classes that the logits stand for, else 0.
  """

  name: str
  sha: str
  resize: str
  apply: Callable[[Any], tuple[jax.Array | np.ndarray, jax.Array | None]]
  batch_size: int
  width: int
  has_logits: bool = False
  classes: int = 0


def choose(reference: Reference, cache: Path, kind: str = 'auto') -> Features:
  """The features for a data set.

  Args:
    reference: the data set.
    cache: where weights and trained classifiers are kept.
    kind: 'inception' (downloaded at need; 'inception:<path>' to read the weights from there), 'classifier'
      (trained at need, needs labels), 'random', 'identity' (vectors as they are), 'ngrams' (of tokens) or 'spectra'
      (of sound). 'auto' takes the first that is at hand: vectors as they are; n-grams of tokens; spectra of sound;
      Inception if its weights are in the
      cache and the images are photographs, of 256 levels and three colours; a classifier if there are labels; else
      random features.

  Raises:
    UserError: if there is no such kind, or it does not suit the data set.
  """
  check_kind(kind)
  kind = _automatic(reference, cache) if kind == 'auto' else kind
  kind, _, path = kind.partition(':')
  return from_inception(reference, Path(cache), path) if path else _KINDS[kind](reference, Path(cache))


def check_kind(kind: str) -> None:
  """Before any work is done for it.

  Raises:
    UserError: if `choose` knows no such kind.
  """
  name, _, path = kind.partition(':')
  if name not in ('auto', *_KINDS) or (path and name != 'inception'):
    raise UserError(
      f'There are no features "{kind}"; choose one of: auto, {", ".join(_KINDS)}, inception:<path>.'
    )


def extract(features: Features, x: np.ndarray) -> storage.Arrays:
  """`{'features': f32[N, D]}`, and `'logits': f32[N, K]` where there are any; in batches of one size.

  Raises:
    UserError: if some features are not finite.
  """
  size = min(features.batch_size, -(-len(x) // 64) * 64)  # few sizes: each is compiled
  parts = []
  for start in range(0, len(x), size):
    part = x[start : start + size]
    padded = np.concatenate([part, np.repeat(part[:1], size - len(part), axis=0)])
    parts.append([np.asarray(out)[: len(part)] for out in features.apply(padded) if out is not None])
  arrays: storage.Arrays = dict(
    zip(('features', 'logits'), map(np.concatenate, zip(*parts, strict=True)), strict=False)
  )
  check_features(arrays['features'])
  return arrays


def from_inception(reference: Reference, cache: Path, path: Path | str = '') -> Features:
  """The pooled features and logits of the published Inception network.

  Args:
    reference: the data set.
    cache: where its weights are kept; they are downloaded if they are not there.
    path: where else they are.

  Raises:
    UserError: if the data are no images, or the weights cannot be had, or were altered.
  """
  _needs_images(reference, 'Inception features')
  path = path or inception_weights.find(cache) or inception_weights.fetch(cache)
  params = jax.device_put(inception_weights.load(path))
  return Features(
    name='inception (2015-12-05, pool 2048)',
    sha=inception_weights.SHA256[:8],
    resize='8 bits, bilinear as in TensorFlow 1 to 299x299',
    apply=lambda x: inception.features_and_logits(params, to_bytes(x, reference.x.levels)),
    batch_size=50,
    width=2048,
    has_logits=True,
  )


def from_classifier(reference: Reference, cache: Path, settings: classifier.Settings = _SETTINGS) -> Features:
  """The last hidden layer of a classifier that is trained on the data set, the first time it is asked for.

  Raises:
    UserError: if the data are no images, or have no labels.
  """
  _needs_images(reference, 'a classifier')
  levels, classes = reference.x.levels, fields.classes(reference.spec)
  if not classes:
    raise UserError(f'{reference.name} has no labels to train a classifier on; choose the features "random".')
  key = storage.fingerprint(
    'classifier', classifier.VERSION, split_fingerprint(reference.train), reference.spec, settings
  )
  path = cache / f'classifier_{key[:32]}.npz'
  network = classifier.Classifier(classes, settings.width, settings.features)
  stored = files.load_arrays(path)
  if stored is None:
    train, test = (
      split.examples(spread_out(len(split), _MOST_EXAMPLES)) for split in (reference.train, reference.test)
    )
    trained = classifier.train(
      train['x'], train['label'], test['x'], test['label'], levels, classes, settings
    )
    params = jax.device_get(flatten_dict(trained.params, sep='/'))
    stored = params | {'accuracy': np.float64(trained.accuracy)}
    files.save_arrays(path, stored)
  accuracy = float(stored.pop('accuracy'))
  params = jax.device_put(unflatten_dict(stored, sep='/'))
  return Features(
    name=f'classifier ({reference.name}, accuracy {accuracy:.3f}, {settings.features} wide)',
    sha=storage.fingerprint(stored)[:8],
    resize='none',
    apply=lambda x: classifier.predict(network, params, x, levels),
    batch_size=500,
    width=settings.features,
    has_logits=True,
    classes=classes,
  )


def from_random(reference: Reference, cache: Path, seed: int = 0) -> Features:
  """The same network with random weights, for images without labels.

  Random embeddings rank models sensibly where no network knows the data (Naeem et al., "Reliable fidelity and
  diversity metrics for generative models").

  Raises:
    UserError: if the data are no images.
  """
  del cache
  _needs_images(reference, 'random features')
  settings = _SETTINGS._replace(seed=seed)
  network = classifier.Classifier(1, settings.width, settings.features)
  blank = jnp.zeros((1, *reference.x.shape))
  params = jax.jit(network.init)(jax.random.key(seed), blank)['params']
  return Features(
    name=f'random ({settings.features} wide, seed {seed})',
    sha=storage.fingerprint(params)[:8],
    resize='none',
    apply=lambda x: (classifier.predict(network, params, x, reference.x.levels)[0], None),
    batch_size=500,
    width=settings.features,
  )


def from_identity(reference: Reference, cache: Path) -> Features:
  """Vectors as they are; pixels of images, scaled to [0, 1]."""
  del cache
  scale = max(reference.x.levels - 1, 1)
  return Features(
    name='identity',
    sha='-',
    resize='none',
    apply=lambda x: (np.asarray(x, np.float32).reshape(len(x), -1) / scale, None),
    batch_size=10_000,
    width=math.prod(reference.spec['x'].shape),
  )


def from_ngrams(reference: Reference, cache: Path) -> Features:
  """How often tokens and pairs of neighbouring ones occur, see `ngrams`.

  Raises:
    UserError: if the data are no tokens.
  """
  del cache
  if reference.x.kind != 'tokens':
    raise UserError(
      f'{reference.name} holds no tokens, of which n-grams are made; choose the features "auto".'
    )
  return Features(
    name=f'ngrams ({ngrams.WIDTH} of tokens, {ngrams.WIDTH} of pairs)',
    sha='-',
    resize='none',
    apply=lambda x: (ngrams.frequencies(x), None),
    batch_size=1000,
    width=2 * ngrams.WIDTH,
  )


def from_spectra(reference: Reference, cache: Path) -> Features:
  """How loud sounds are in each band of frequencies, see `spectra`.

  Raises:
    UserError: if the data are no sound.
  """
  del cache
  x = reference.x
  if x.kind != 'audio':
    raise UserError(
      f'{reference.name} holds no sound, of which spectra are made; choose the features "auto".'
    )
  width = spectra.width(x.shape[0])
  return Features(
    name=f'spectra ({width // 2} bands, in either half of the time)',
    sha='-',
    resize='none',
    apply=lambda samples: (spectra.band_powers(samples, x.levels), None),
    batch_size=1000,
    width=width,
  )


_KINDS: dict[str, Callable[[Reference, Path], Features]] = {
  'inception': from_inception,
  'classifier': from_classifier,
  'random': from_random,
  'identity': from_identity,
  'ngrams': from_ngrams,
  'spectra': from_spectra,
}


def _automatic(reference, cache):
  x = reference.x
  if x.kind != 'image':
    return {'tokens': 'ngrams', 'audio': 'spectra'}.get(x.kind, 'identity')
  if x.levels == 256 and x.shape[-1] == 3 and inception_weights.find(cache):  # photographs
    return 'inception'
  return 'classifier' if 'label' in reference.spec else 'random'


def _needs_images(reference, what):
  if reference.x.kind != 'image':
    raise UserError(
      f'{reference.name} holds {reference.x.kind} data, but {what} need images; choose the features '
      f'"{_automatic(reference, Path())}".'
    )
