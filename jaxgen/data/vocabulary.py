"""From text to tokens and back: what a run keeps beside its weights, so that its samples can be read."""

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxgen import files
from jaxgen.errors import UserError

_FILE = 'vocabulary.json'
_UNKNOWN = '\N{REPLACEMENT CHARACTER}'


class Vocabulary(NamedTuple):
  """Tokens of text.

  Attributes:
    kind: 'bytes' (of UTF-8), 'characters' or 'bpe' (pairs of bytes that were merged, Sennrich et al. 2016).
    size: the number of tokens, V.
    characters: those of the training text, in the order of their code points; token 0 stands for all others.
    merges: what the `tokenizers` library has trained, its own JSON.
  """

  kind: str
  size: int
  characters: str = ''
  merges: str = ''

  @property
  def in_parts(self) -> bool:
    """Whether a character may take several tokens."""
    return self.kind != 'characters'

  def encode(self, text: str) -> np.ndarray:
    """The tokens of a text, i32[T] in [0, V); characters that training has not seen become token 0."""
    if self.kind == 'bytes':
      return np.frombuffer(text.encode(), np.uint8).astype(np.int32)
    if self.kind == 'bpe':
      return np.array(_tokenizer(self.merges).encode(text).ids, np.int32)
    points = np.frombuffer(text.encode('utf-32-le'), np.uint32)
    known = np.frombuffer(self.characters.encode('utf-32-le'), np.uint32)
    places = np.minimum(np.searchsorted(known, points), len(known) - 1)
    return np.where(known[places] == points, places + 1, 0).astype(np.int32)

  def decode(self, tokens: Sequence[int] | np.ndarray) -> str:
    """The text of tokens i[T]; what is no text, and token 0 of characters, is shown as a replacement character."""
    tokens = np.asarray(tokens).reshape(-1)
    if self.kind == 'bytes':
      return bytes(tokens.tolist()).decode('utf-8', errors='replace')
    if self.kind == 'bpe':
      return _tokenizer(self.merges).decode(tokens.tolist(), skip_special_tokens=False)
    letters = _UNKNOWN + self.characters
    return ''.join(letters[token] for token in tokens)


def trained(kind: str, text: str, size: int) -> Vocabulary:
  """The vocabulary of a training text.

  Args:
    kind: 'bytes', 'characters' or 'bpe'.
    text: not empty.
    size: of the vocabulary of 'bpe', at most; at least 257.

  Raises:
    UserError: if 'bpe' is asked for and the `tokenizers` library is not installed.
  """
  if kind == 'bytes':
    return Vocabulary(kind, 256)
  if kind == 'characters':
    characters = ''.join(sorted(set(text)))
    return Vocabulary(kind, len(characters) + 1, characters)
  library = _library()
  tokenizer = library.Tokenizer(library.models.BPE())
  tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
  tokenizer.decoder = library.decoders.ByteLevel()
  alphabet = library.pre_tokenizers.ByteLevel.alphabet()
  trainer = library.trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
  tokenizer.train_from_iterator(text.splitlines(keepends=True), trainer)
  return Vocabulary(kind, tokenizer.get_vocab_size(), merges=tokenizer.to_str())


def save(workdir: Path, vocabulary: Vocabulary) -> None:
  """Writes it into a run's folder."""
  files.write_text(Path(workdir) / _FILE, json.dumps(vocabulary._asdict(), indent=2) + '\n')


def read(workdir: Path) -> Vocabulary | None:
  """The vocabulary of a run; None where it has none.

  Raises:
    UserError: if it is damaged.
  """
  path = Path(workdir) / _FILE
  if not path.exists():
    return None
  try:
    found = Vocabulary(**json.loads(path.read_text()))
    whole = all(isinstance(value, kind) for value, kind in zip(found, (str, int, str, str), strict=True))
    if not whole or found.size != _size(found):
      raise ValueError(found.kind)
  except (ValueError, TypeError, KeyError):
    raise UserError(f'{path} is damaged; put back a copy of it.') from None
  return found


def _size(vocabulary):
  """The number of its tokens, counted; a KeyError for a kind that there is not."""
  count = {
    'bytes': lambda: 256,
    'characters': lambda: len(vocabulary.characters) + 1,
    'bpe': lambda: _tokenizer(vocabulary.merges).get_vocab_size(),
  }
  return count[vocabulary.kind]()


def _library() -> Any:
  try:
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers, trainers  # noqa: F401
  except ImportError:
    raise UserError(
      "config.data.tokenizer=bpe needs the tokenizers library: pip install 'jaxgen[text]'; or take bytes or characters."
    ) from None
  return tokenizers


@functools.lru_cache(maxsize=4)
def _tokenizer(merges):
  library = _library()
  try:
    return library.Tokenizer.from_str(merges)
  except Exception as error:  # the library raises nothing more special
    raise ValueError(f'these are no merges: {error}') from error
