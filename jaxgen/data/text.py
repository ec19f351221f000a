"""Text as windows of tokens, or as sentences."""

import ast
import hashlib
import re
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
_END = '\n'  # of a sentence
_NO_LIBRARY = {'site-packages', 'dist-packages', '__pycache__', 'test', 'tests', 'idlelib', 'lib2to3'}


def load(config: ConfigDict, name: str, split: str) -> Source:
  """The windows of a text, `text:<path>` of a file or of all `.txt` files below a folder, one after the other.

  `text:stdlib` is a text that every installation has: the documentation strings of Python's standard library, 1.6
  million characters, another text for each version of Python.

  The last tenth of the characters is the test split, and `config.validation` of those before it, at their end, the
  validation split. Each split becomes tokens by `config.tokenizer`, which has seen the training split alone, and those
  become windows of `config.context` tokens that do not overlap; what is left over at the end is dropped. By
  `config.sentences` examples are its `sentences` of at most so many tokens, filled up by the token of the line feed;
  longer ones are left out. The mask `observed` is 1 at the tokens of a sentence and at the line feed that ends it, and
  0 at what fills it up; one of all `config.context` tokens has no end. The name of the source says how many were left
  out, and how many of those that are held out stand word for word in the training split: they stay, and what learns
  them by heart gains by them.

  Raises:
    UserError: if there is no such text, it is no UTF-8, or a split has no example of that length.
  """
  images.check_none_resized(config.image_size, f'text:{name}')
  title, text = _read(name)
  if not text:
    raise UserError(f'{title} is empty; give it some text.')
  parts = _parts(text, config.validation)
  if config.sentences:
    parts = {part: sentences(stretch) for part, stretch in parts.items()}
  if not parts['train']:
    raise UserError(
      f'{title} has no sentence to train on; give it more text, or set config.data.sentences=False.'
    )
  vocabulary = _trained(config.tokenizer, parts['train'], config.vocabulary)
  tokens = vocabulary.encode(parts[split])
  what, name = f'The split "{split}" of {title}', f'{title} ({split})'
  field = Field('tokens', (config.context,), vocabulary.size)
  if not config.sentences:
    x = _windows(tokens, config.context, what).astype(fields.dtype(field))
    return from_arrays(name, {'x': field}, {'x': x}, vocabulary)
  (end,) = vocabulary.encode(_END).tolist()
  x, observed, fit = _padded(tokens, config.context, end, what)
  name += f', {_account(parts, split, fit, config.context)}'
  spec = {'x': field, fields.OBSERVED: Field('mask', field.shape, 2)}
  arrays = {'x': x.astype(fields.dtype(field)), fields.OBSERVED: observed.astype(np.uint8)}
  return from_arrays(name, spec, arrays, vocabulary, end=end)


def sentences(text: str) -> str:
  """The sentences of a text, each ended by a line feed.

  A sentence lies within a paragraph, begins with a capital letter and goes on to the first full stop, question mark or
  exclamation mark that white space follows; its own white space is single spaces. What is none (headings, tables, code)
  is left out.
  """
  found = []
  for paragraph in re.split(r'\n\s*\n', text):
    parts = (' '.join(part.split()) for part in re.split(r'(?<=[.?!])\s+', paragraph))
    found += [part + _END for part in parts if part[:1].isupper() and part[-1] in '.?!']
  return ''.join(found)


def _windows(tokens, context, what):
  if len(tokens) < context:
    raise UserError(
      f'{what} has {len(tokens):,} tokens, fewer than --config.data.context={context}; set it lower, or give more text.'
    )
  return tokens[: len(tokens) // context * context].reshape(-1, context)


def _padded(tokens, context, end, what):
  """Sentences of at most `context` tokens, filled up by the token of the line feed, and a mask that is true to the
  first of these, i32 and bool[N, context]; and which of all sentences they are."""
  ends = np.flatnonzero(tokens == end)
  starts = np.concatenate([[0], ends + 1])[: len(ends)]
  fit = ends - starts <= context
  if not fit.any():
    raise UserError(
      f'{what} has no sentence of at most --config.data.context={context} tokens, of {len(ends):,}; set it higher, or '
      'give more text.'
    )
  lengths = (ends - starts)[fit]
  x = np.full((len(lengths), context), end, np.int32)
  for row, start, stop in zip(x, starts[fit], ends[fit], strict=True):
    row[: stop - start] = tokens[start:stop]
  return x, np.arange(context) <= lengths[:, None], fit


def _account(parts, split, fit, context):
  """What was made of the sentences of a split, in words."""
  of_split = parts[split].split(_END)[:-1]
  kept = [sentence for sentence, fits in zip(of_split, fit, strict=True) if fits]
  said = f'{len(kept):,} sentences without {len(fit) - len(kept):,} of more than {context} tokens'
  if split == 'train':
    return said
  seen = set(parts['train'].split(_END))
  return f'{said}; {sum(sentence in seen for sentence in kept):,} of them also in the training split'


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
