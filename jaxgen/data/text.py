"""Text as windows of tokens."""

import ast
import hashlib
import sys
import sysconfig
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxgen import fields, files
from jaxgen.data import cache, images
from jaxgen.data import vocabulary as vocabularies
from jaxgen.data.source import Source, from_arrays
from jaxgen.errors import UserError
from jaxgen.types import Field

EMBEDDED = 'stdlib'
_TEST_SHARE = 0.1
_NO_LIBRARY = {'site-packages', 'dist-packages', '__pycache__', 'test', 'tests', 'idlelib', 'lib2to3'}


def load(config: ConfigDict, name: str, split: str) -> Source:
  """The windows of a text, `text:<path>` of a file or of all `.txt` files below a folder, one after the other.

  `text:stdlib` is a text that every installation has: the documentation strings of Python's standard library, 1.6
  million characters, another text for each version of Python.

  The last tenth of the characters is the test split, and `config.validation` of those before it, at their end, the
  validation split. Each split becomes tokens by `config.tokenizer`, which has seen the training split alone, and those
  become windows of `config.context` tokens that do not overlap; what is left over at the end is dropped.

  Raises:
    UserError: if there is no such text, it is no UTF-8, or a split is shorter than one window.
  """
  images.check_none_resized(config.image_size, f'text:{name}')
  title, text = _read(name)
  if not text:
    raise UserError(f'{title} is empty; give it some text.')
  parts = _parts(text, config.validation)
  vocabulary = _trained(config.tokenizer, parts['train'], config.vocabulary)
  tokens = vocabulary.encode(parts[split])
  windows = len(tokens) // config.context
  if not windows:
    raise UserError(
      f'The split "{split}" of {title} has {len(tokens):,} tokens, fewer than --config.data.context='
      f'{config.context}; set it lower, or give more text.'
    )
  field = Field('tokens', (config.context,), vocabulary.size)
  x = tokens[: windows * config.context].reshape(windows, -1).astype(fields.dtype(field))
  return from_arrays(f'{title} ({split})', {'x': field}, {'x': x}, vocabulary)


def _parts(text, share):
  """Stretches of the text, so that no window is of two splits."""
  test = len(text) - int(len(text) * _TEST_SHARE)
  held_out = test - int(test * share)
  return {'train': text[:held_out], 'validation': text[held_out:test], 'test': text[test:]}


def _read(name):
  """What to call the text, and the text."""
  path = Path(name).expanduser()
  if path.is_dir():
    found = sorted(file for file in path.rglob('*.txt') if file.is_file())
    if not found:
      raise UserError(f'There are no .txt files in {path}; put some there, or name one file.')
    images.check_memory(str(path), sum(file.stat().st_size for file in found))
    return str(path), '\n'.join(map(_decoded, found))
  if path.is_file():
    images.check_memory(str(path), path.stat().st_size)
    return str(path), _decoded(path)
  if name == EMBEDDED:
    version = '.'.join(map(str, sys.version_info[:3]))
    return f'the documentation of the standard library of Python {version}', _docstrings()
  raise UserError(
    f'There is no file or folder {path}; set --config.data.name=text:<path> to one, or to text:{EMBEDDED}.'
  )


def _decoded(path):
  try:
    return path.read_bytes().decode()
  except UnicodeDecodeError:
    raise UserError(f'{path} is no UTF-8; save it as UTF-8.') from None
  except OSError as error:
    raise UserError(f'{path} cannot be read: {error.strerror}.') from None


def _docstrings():
  """All documentation strings of the standard library, parsed, not imported; kept on disk, since that takes seconds."""
  root = _library()
  found = sorted(
    path for path in root.rglob('*.py') if not _NO_LIBRARY & set(path.relative_to(root).parts[:-1])
  )
  if not found:
    raise UserError(
      f'{root} holds no standard library to take text:{EMBEDDED} from; name a text of your own.'
    )
  lines = [f'{path.relative_to(root)} {path.stat().st_size}' for path in found]
  kept = _kept('docstrings', sys.version, *lines)
  stored = files.load_arrays(kept) if kept else None
  if stored is None:
    text = '\n\n'.join(string for path in found for string in _of_module(path)) + '\n'
    stored = {'text': np.frombuffer(text.encode(), np.uint8)}
    if kept:
      files.save_arrays(kept, stored)
  return stored['text'].tobytes().decode()


def _library():
  return Path(sysconfig.get_paths()['stdlib'])


def _of_module(path):
  documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
  try:
    tree = ast.parse(path.read_bytes())
  except (SyntaxError, ValueError, OSError):  # an example of what is none
    return
  for node in ast.walk(tree):
    string = ast.get_docstring(node) if isinstance(node, documented) else None
    if string:
      yield string


def _trained(kind, text, size):
  """The vocabulary of a training text; a trained one is kept on disk."""
  kept = _kept('vocabulary', kind, str(size), text) if kind == 'bpe' else None
  if kept is None:
    return vocabularies.trained(kind, text, size)
  found = vocabularies.read(kept)
  if found is None:
    found = vocabularies.trained(kind, text, size)
    vocabularies.save(kept, found)
  return found


def _kept(what, *depends_on):
  """Where in the cache something lies that depends on these; None without a cache."""
  folder = cache.directory()
  key = hashlib.sha256('\n'.join(depends_on).encode(errors='surrogateescape')).hexdigest()[:32]
  return folder and folder / f'{what}_{key}'
