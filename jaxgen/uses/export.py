"""Export: many samples with what was given, as an archive or a folder of files, for whoever learns from them."""

import functools
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
from PIL import Image

from jaxgen import files
from jaxgen.errors import UserError
from jaxgen.show import audio
from jaxgen.types import Field
from jaxgen.uses import archive
from jaxgen.uses.subject import Subject, Written, needed

_PART = 100  # samples at a time


def run(subject: Subject) -> Written:
  """`export.npz`, or `export/` with an image or a wav file per sample and a sub-folder per label, or pitch; both are
  read as data.

  Samples are drawn part by part, so that memory stays the same whatever their number. What was there before is
  replaced when all is written.

  Raises:
    UserError: if a folder is asked for of what are neither images nor sounds.
  """
  if subject.options.form == 'npz':
    path = subject.folder / 'export.npz'
    spec = {name: subject.spec[name] for name in ('x', *subject.model.given)}
    # What is given is a function of the part: each field is made again for its own member of the archive.
    parts = {name: _given(subject, name) for name in subject.model.given}
    archive.stream(path, spec, subject.num, {'x': _samples(subject), **parts})
  else:
    path = subject.folder / 'export'
    _folder(subject, path)
  return Written((path,))


def _size(subject):
  return min(_PART, subject.num)


def _parts(subject):
  return range(-(-subject.num // _size(subject)))


def _samples(subject: Subject) -> Iterator[np.ndarray]:
  draw = jax.jit(functools.partial(needed(subject.model.sample), **subject.knobs), static_argnums=3)
  size = _size(subject)
  for part in _parts(subject):
    rng = jax.random.fold_in(subject.rng('export'), part)
    yield np.asarray(draw(subject.params, subject.extra, rng, size, subject.given(size, part)))


def _given(subject: Subject, name: str) -> Iterator[np.ndarray]:
  for part in _parts(subject):
    yield (subject.given(_size(subject), part) or {})[name]


def _folder(subject: Subject, path: Path) -> None:
  field = subject.field
  if not (field.kind == 'audio' or (field.kind == 'image' and field.shape[-1] in (1, 3))):
    raise UserError(
      f'--form=folder is for images of 1 or 3 channels and for sounds, and these are {field.kind}s of shape '
      f'{field.shape}; export them as npz.'
    )
  suffix, save_one = _FILES[field.kind]
  name = next((name for name in ('label', 'pitch') if name in subject.model.given), '')
  digits = len(str(subject.spec[name].levels - 1)) if name else 0  # sub-folders are sorted by their names
  labels = _given(subject, name) if name else (None for _ in _parts(subject))
  with files.replacing_folder(path) as folder:
    index = 0
    for x, label in zip(_samples(subject), labels, strict=True):
      for place, example in enumerate(x[: subject.num - index]):
        below = folder if label is None else folder / f'{label[place]:0{digits}d}'
        below.mkdir(exist_ok=True)
        save_one(example[None], field, subject.about, below / f'{index + place:06d}{suffix}')
      index += len(x)


def _save_image(x, field, about, path):
  del about
  Image.fromarray(_pixels(x, field)[0]).save(path)


def _save_sound(x, field, about, path):
  audio.save(audio.loudness(x, field.levels), about.rate, path, field.levels)


# The end of the name of a file, and `(x [1, *shape], field, about, path)`, which writes one example.
_FILES = {'image': ('.png', _save_image), 'audio': ('.wav', _save_sound)}


def _pixels(x: np.ndarray, field: Field) -> np.ndarray:
  """u8[N, H, W] or u8[N, H, W, 3] over the whole range of 256 levels."""
  if field.levels:
    x = np.rint(x.astype(np.float32) * (255 / (field.levels - 1)))
  else:
    x = np.rint(np.clip(x * 127.5 + 127.5, 0, 255))
  x = x.astype(np.uint8)
  return x[..., 0] if field.shape[-1] == 1 else x
