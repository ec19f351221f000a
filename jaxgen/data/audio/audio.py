"""Sound as windows of mu-law codes."""

import hashlib
import os
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxgen import fields, mu_law
from jaxgen.data import images
from jaxgen.data.audio import strings, wav
from jaxgen.data.source import Source, from_arrays
from jaxgen.errors import UserError
from jaxgen.types import Field

EMBEDDED = 'strings'
_STRINGS = {'train': 2000, 'validation': 260, 'test': 260}  # twenty of each pitch are held out, twice
_TEST_SHARE = 0.1
_ENOUGH = 10  # files, so that a tenth of them is one


def load(config: ConfigDict, name: str, split: str) -> Source:
  """The windows of sound, `audio:<folder>` of wav files, one after the other, or the plucked strings `audio:strings`.

  An example is `config.context` samples at `config.rate` Hz, as mu-law codes of `config.levels` levels, see
  `jaxgen.mu_law`: i[T, 1].

  Of a folder, all `.wav` files below it are read in the order of their names; several channels are averaged. Windows do
  not overlap, what is left over at an end is dropped, and files without a window are left out, of which the name of the
  source says how many; a file that has several names is one. Where there are ten files, a tenth of them is the test
  split and `config.validation` of all the validation split, whole files, chosen by a hash of their names below the
  folder: one file more moves one other at most into either of these splits, or out of it. Of fewer files the last tenth
  of each is the test split, and `config.validation` of what is before it, at its end, the validation split.

  Of the strings each has one of the pitches that are the field `pitch`; see `strings`.

  Raises:
    UserError: if there are no wav files, one cannot be read, they are of another rate, a split is silent, has no window
      or no file, or all is more than the memory of this machine.
  """
  images.check_none_resized(config.image_size, f'audio:{name}')
  field = Field('audio', (config.context, 1), config.levels)
  if name == EMBEDDED:
    return _strings(config, field, split)
  path = Path(name).expanduser()
  found = _found(path)
  headers = {file: wav.header(file) for file in found}
  _check_rates(headers, config.rate)
  long = [file for file in found if headers[file].samples >= config.context]
  if not long:
    raise UserError(
      f'No wav file of {path} has --config.data.context={config.context:,} samples; set it lower, or give longer ones.'
    )
  _check_memory(path, [headers[file] for file in long])
  parts = _by_file(path, long, config, split) if len(long) >= _ENOUGH else _by_time(long, config, split)
  windows = [part[: len(part) // config.context * config.context] for part in parts]
  x = np.concatenate([np.empty(0, np.float32), *windows]).reshape(-1, *field.shape)
  _check_sound(x, path, split, config.context)
  title = f'{path} ({split}){_account(headers, found, long, config.context)}'
  return from_arrays(title, {'x': field}, {'x': mu_law.encode(x, config.levels)})


def _found(path):
  if not path.is_dir():
    raise UserError(
      f'There is no folder {path}; set --config.data.name=audio:<path> to one, or to audio:{EMBEDDED}.'
    )
  found = _once(sorted(file for file in path.rglob('*') if file.suffix.lower() == '.wav' and file.is_file()))
  if not found:
    raise UserError(f'There are no .wav files in {path}; put some there.')
  return found


def _once(files):
  """Without other names of the same file, by links of either sort, which could stand in two splits."""
  first = {}
  for file in files:
    status = file.stat()
    first.setdefault((status.st_dev, status.st_ino), file)
  return list(first.values())


def _check_memory(path, headers):
  """All samples in floating point while they become codes, and all channels of the longest file."""
  largest = max((header.width + 12) * header.channels * header.samples for header in headers)
  instead = 'fewer or shorter files, some of them in a folder of their own, or ones of a lower rate'
  images.check_memory(str(path), 20 * sum(header.samples for header in headers) + largest, instead=instead)


def _check_rates(headers, rate):
  (first, (rate_of_first, *_)), *others = headers.items()
  for file, (other, *_) in others:
    if other != rate_of_first:
      raise UserError(
        f'{first} has {rate_of_first:,} samples a second, and {file} {other:,}; resample them to one rate.'
      )
  if rate_of_first != rate:
    raise UserError(
      f'{first} has {rate_of_first:,} samples a second, not {rate:,}; set --config.data.rate={rate_of_first}, or '
      'resample the files.'
    )


def _by_file(path, files, config, split):
  """The sound of the files of a split: the first by the hash of their names, the last, and those between."""
  test = len(files) // 10
  validation = max(1, round(config.validation * len(files))) if config.validation else 0
  train = len(files) - test - validation
  if train < 1:
    raise UserError(
      f'--config.data.validation={config.validation} of the {len(files)} wav files of {path} leaves none to train on; '
      'set it lower.'
    )
  ordered = sorted(
    files, key=lambda file: hashlib.sha256(os.fsencode(file.relative_to(path).as_posix())).digest()
  )
  of_split = {
    'test': ordered[:test],
    'train': ordered[test : test + train],
    'validation': ordered[test + train :],
  }
  return [wav.read(file) for file in sorted(of_split[split])]


def _by_time(files, config, split):
  """The stretch of each file that is of a split, so that no window is of two."""
  parts = []
  for file in files:
    sound = wav.read(file)
    test = len(sound) - int(len(sound) * _TEST_SHARE)
    held_out = test - int(test * config.validation)
    stretches = {'train': sound[:held_out], 'validation': sound[held_out:test], 'test': sound[test:]}
    parts.append(stretches[split])
  return parts


def _check_sound(x, path, split, context):
  if not len(x):
    raise UserError(
      f'The split "{split}" of {path} has no window of --config.data.context={context:,} samples; set it lower, or '
      'give more or longer files.'
    )
  if not np.ptp(x, axis=1).any():
    raise UserError(
      f'The split "{split}" of {path} is silent, every example constant; give files with sound.'
    )


def _account(headers, found, long, context):
  """What was made of the files, in words."""
  how = ', by file' if len(long) >= _ENOUGH else ', by time'
  mixed = ', channels averaged' if any(headers[file].channels > 1 for file in long) else ''
  short = len(found) - len(long)
  return f'{how}{mixed}' + (f', without {short} shorter than {context:,} samples' if short else '')


def _strings(config, field, split):
  if config.rate < strings.LEAST_RATE:
    raise UserError(
      f'--config.data.rate={config.rate} is too low for audio:{EMBEDDED}; set it to {strings.LEAST_RATE:,} or more.'
    )
  num = _STRINGS[split]
  what, instead = f'audio:{EMBEDDED} of {config.context:,} samples', 'a lower --config.data.context'
  images.check_memory(what, 24 * num * config.context, instead=instead)
  x, pitch = strings.plucked(split, num, config.context, config.rate)
  spec = {'x': field, 'pitch': Field('label', (), len(strings.PITCHES))}
  arrays = {
    'x': mu_law.encode(x[..., None], config.levels),
    'pitch': pitch.astype(fields.dtype(spec['pitch'])),
  }
  return from_arrays(f'audio:{EMBEDDED} ({split})', spec, arrays, pitches=strings.PITCHES)
