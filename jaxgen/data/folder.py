"""A user's own images in a folder."""

import functools
import hashlib
import os
from collections import Counter
from concurrent import futures
from pathlib import Path
from stat import S_ISLNK, S_ISREG
from typing import NamedTuple

import numpy as np
import PIL
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.data import cache, images
from jaxgen.data.source import Source
from jaxgen.errors import UserError
from jaxgen.files import load_arrays, save_arrays
from jaxgen.types import Field

_CHUNK = 4096  # files whose headers are read before it is asked whether more have to be
_SUFFIXES = ('.png', '.jpg', '.jpeg', '.webp', '.bmp')


class _Scan(NamedTuple):
  """What the headers of the images say."""

  sizes: Counter  # (height, width) -> how many
  grey: bool  # all of them


def load(config: ConfigDict, name: str, split: str) -> Source:
  """The images below a folder, `folder:<path>`, cropped to a square and resized to `config.image_size`.

  PNG, JPEG, WebP and BMP files are found at any depth; names that begin with a dot are passed over. If every
  image lies in a sub-folder and there are at least two of them, the sub-folders, sorted, are the classes. A
  tenth of the images, chosen by a hash of their names, is the test split. All images are grey if each file
  is, else all are colour.

  Raises:
    UserError: if the folder is missing, cannot be listed or holds no images, if some cannot be read (here the headers
      are looked at, of images that are resized until one is in colour; a set that is held in memory is decoded as a
      whole by `Source.resident`), or if their sizes differ and `image_size` is 0.
  """
  root, image_size = Path(name).expanduser(), config.image_size
  files = files_below(root)
  fingerprint = _fingerprint(root, files)
  scan = _scan(root, tuple(files), fingerprint, bool(image_size))
  height, width = _size(root, scan, image_size)
  channels = 1 if scan.grey else 3
  classes = _classes(files)
  chosen = _split(files, split)
  spec = {'x': Field('image', (height, width, channels), 256)}
  labels = None
  if classes:
    spec['label'] = Field('label', (), len(classes))
    places = {name: place for place, name in enumerate(classes)}
    labels = np.array([places[file.split('/')[0]] for file in chosen], fields.dtype(spec['label']))

  def read(indices):
    names = [str(root / chosen[index]) for index in indices]
    arrays = {'x': images.decode_all(names, names, channels, image_size)}
    return arrays if labels is None else {**arrays, 'label': labels[indices]}

  key = f'folder {root.resolve()} {fingerprint} {split} {image_size} {channels} {PIL.__version__}'
  return Source(f'{root} ({split})', spec, len(chosen), read, cache_key=key)


def files_below(root: Path) -> list[str]:
  """The paths of the images, relative to the folder, sorted, with '/' between their parts.

  Raises:
    UserError: if there is no folder, some of it cannot be listed, or it holds fewer than two images.
  """
  if not root.is_dir():
    raise UserError(f'There is no folder {root}; set --config.data.name=folder:<path> to one with images.')
  found = []
  # A link to a folder is a folder.
  for place, folders, names in os.walk(root, onerror=_cannot_list, followlinks=True):
    folders[:] = [folder for folder in folders if not folder.startswith('.')]
    _check_links(Path(place), folders)
    below = Path(place).relative_to(root).as_posix()
    prefix = '' if below == '.' else f'{below}/'
    found += [
      prefix + name for name in names if name.lower().endswith(_SUFFIXES) and not name.startswith('.')
    ]
  if len(found) < 2:
    count = 'is only one image' if found else 'are no images'
    raise UserError(f'There {count} in {root}; put at least two {", ".join(_SUFFIXES)} files there.')
  return sorted(found)


def _check_links(place, folders):
  """Raises a `UserError` for a link to a folder that it is in: its images would be found again and again."""
  for folder in folders:
    if (place / folder).is_symlink() and place.resolve().is_relative_to((place / folder).resolve()):
      raise UserError(f'{place / folder} is a link to a folder that it is in; take it away.')


def _cannot_list(error):
  raise UserError(
    f'{error.filename} cannot be read: {error.strerror}; what is in it would be missing. Allow it, or take it away.'
  )


def _fingerprint(root, files):
  lines = []
  for file in files:
    stat = _stat(f'{root}/{file}')  # of a million files, a Path for each would take ten seconds more
    if not (S_ISREG(stat.st_mode) or S_ISLNK(stat.st_mode)):  # a pipe would be waited for without end
      raise UserError(f'{root / file} is no file but a pipe, a socket or a device; take it away.')
    lines.append(f'{file} {stat.st_size} {stat.st_mtime_ns}')
  return hashlib.sha256('\n'.join(lines).encode(errors='surrogateescape')).hexdigest()


def _stat(path):
  try:
    return os.stat(path)
  except FileNotFoundError:  # a link to nowhere is found out when its header is read
    return os.lstat(path)
  except OSError as error:
    return _cannot_list(error)


@functools.lru_cache(maxsize=4)
def _scan(root, files, fingerprint, resized):
  """Reads headers once per state of the folder, and finds what they said on disk after that.

  Where images are resized anyway, the first that is in colour tells all that is asked for.
  """
  place = cache.directory()
  key = hashlib.sha256(f'{root.resolve()} {fingerprint}'.encode(errors='surrogateescape')).hexdigest()[:32]
  path = place and place / f'headers_{key}.npz'
  stored = load_arrays(path) if path else None
  if stored is not None:
    return _Scan(Counter({(h, w): n for h, w, n in stored['sizes'].tolist()}), bool(stored['grey']))
  sizes, grey = Counter(), True
  for start in range(0, len(files), _CHUNK):
    headers = _headers([f'{root}/{file}' for file in files[start : start + _CHUNK]])
    sizes.update(size for size, _ in headers)
    grey = grey and all(is_grey for _, is_grey in headers)
    if resized and not grey:
      return _Scan(sizes, grey)
  if path:
    save_arrays(path, {'sizes': [(*size, count) for size, count in sizes.items()], 'grey': grey})
  return _Scan(sizes, grey)


def _headers(paths):
  with futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
    found = list(pool.map(images.header, paths))
  unreadable = [path for path, header in zip(paths, found, strict=True) if header is None]
  if unreadable:
    raise images.UnreadableImages(unreadable)
  return [header for header in found if header is not None]


def _size(root, scan, image_size):
  if image_size:
    return image_size, image_size
  if len(scan.sizes) > 1:
    common = [f'{width}x{height} ({count})' for (height, width), count in scan.sizes.most_common(3)]
    raise UserError(
      f'The images in {root} have {len(scan.sizes)} different sizes, most often {", ".join(common)}; '
      'set --config.data.image_size to the pixels of a side.'
    )
  return next(iter(scan.sizes))


def _classes(files):
  """The sub-folders, or none if they do not divide the images."""
  tops = sorted({file.split('/')[0] if '/' in file else '' for file in files})
  return [] if '' in tops or len(tops) < 2 else tops


def _split(files, split):
  """A tenth for 'test'. By hash, so that most images stay where they are when some are added."""
  by_hash = sorted(files, key=lambda file: hashlib.sha256(file.encode(errors='surrogateescape')).digest())
  count = max(1, len(files) // 10)
  return sorted(by_hash[:count] if split == 'test' else by_hash[count:])
