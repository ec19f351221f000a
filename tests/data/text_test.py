import subprocess
import sys

import numpy as np
import pytest

from jaxgen import data
from jaxgen.data import text, vocabulary
from jaxgen.errors import UserError

TEXT = ''.join(f'{number} bottles of beer on the wall; ' for number in range(400))


@pytest.fixture
def load(tmp_path, settings):
  """`(split, content=TEXT, **settings) -> source` of a file."""

  def make(split, content=TEXT, validation=0.1, **others):
    (tmp_path / 'mine.txt').write_bytes(content if isinstance(content, bytes) else content.encode())
    return data.load(settings(f'text:{tmp_path / "mine.txt"}', validation=validation, **others), split)

  return make


@pytest.mark.parametrize('tokenizer', ['bytes', 'characters', 'bpe'])
def test_splits_are_stretches_of_the_text_one_after_the_other(load, tokenizer):
  parts = [load(split, context=8, tokenizer=tokenizer) for split in ('train', 'validation', 'test')]
  place = 0
  for part in parts:
    whole = ''.join(part.vocabulary.decode(row) for row in part.resident()['x'])
    found = TEXT.index(whole)
    assert place <= found <= place + 80  # less than a window is left over
    place = found + len(whole)
  assert len(TEXT) - place <= 80
  assert all(part.vocabulary == parts[0].vocabulary for part in parts)


@pytest.mark.parametrize('tokenizer', ['bytes', 'characters', 'bpe'])
def test_text_comes_back(load, tmp_path, tokenizer):
  written = load('train', 'Grüße, 世界! ' * 200, context=4, tokenizer=tokenizer).vocabulary
  vocabulary.save(tmp_path, written)
  found = vocabulary.read(tmp_path)
  tokens = found.encode('世界, Grüße!')
  assert found.decode(tokens) == '世界, Grüße!'
  assert tokens.min() >= 0 and tokens.max() < found.size
  assert vocabulary.read(tmp_path / 'elsewhere') is None


def test_what_training_has_not_seen_is_one_token(load):
  source = load('test', 'a' * 900 + 'b' * 100, context=10)
  assert source.vocabulary.characters == 'a'
  assert (source.resident()['x'] == 0).all()
  assert source.vocabulary.decode([0, 1]) == '\N{REPLACEMENT CHARACTER}a'


def test_pairs_that_are_frequent_are_merged_up_to_the_size_asked_for(load):
  sizes = [load('train', tokenizer='bpe', vocabulary=size, context=8) for size in (257, 300)]
  assert [source.spec['x'].levels for source in sizes] == [257, 300]
  assert sizes[0].resident()['x'].size > 1.5 * sizes[1].resident()['x'].size
  assert [source.resident()['x'].dtype for source in sizes] == [np.int32, np.int32]


def test_a_trained_tokenizer_is_trained_once(load, monkeypatch):
  first = load('train', tokenizer='bpe', vocabulary=280, context=8).vocabulary
  monkeypatch.setattr(vocabulary, 'trained', lambda *args: pytest.fail('trained again'))
  assert load('test', tokenizer='bpe', vocabulary=280, context=8).vocabulary == first


def test_a_folder_is_its_files_one_after_the_other(tmp_path, settings):
  for name, letter in (('b/2.txt', 'b'), ('a.txt', 'a'), ('notes.md', 'c')):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(letter * 50)
  source = data.load(settings(f'text:{tmp_path}', context=5), 'train')
  assert source.vocabulary.characters == '\nab'
  assert source.vocabulary.decode(source.resident()['x']) == 'a' * 50 + '\n' + 'b' * 39


def test_the_embedded_text_is_the_documentation_of_this_python(settings, monkeypatch, tmp_path):
  library = tmp_path / 'lib'
  for name, doc in (('a.py', 'First.'), ('b/c.py', 'Second.'), ('test/t.py', 'A test.'), ('d.py', '')):
    (library / name).parent.mkdir(parents=True, exist_ok=True)
    code = f'"""{doc}"""\n\ndef f():\n  """Does {doc}"""\nraise SystemExit' if doc else 'no python ('
    (library / name).write_text(code)
  monkeypatch.setattr(text, '_library', lambda: library)
  source = data.load(settings('text:stdlib', context=5), 'train')
  assert source.vocabulary.decode(source.resident()['x']).startswith('First.\n\nDoes First.\n\nSecond.\n\n')
  assert f'Python {sys.version_info.major}.{sys.version_info.minor}.' in source.name
  monkeypatch.setattr(text, '_of_module', lambda path: pytest.fail('read again'))
  assert len(data.load(settings('text:stdlib', context=2), 'test'))


@pytest.mark.parametrize(
  ('content', 'settings_', 'sentence'),
  [
    ('short', {}, 'The split "train" of .* has 5 tokens, fewer than --config.data.context=256'),
    ('', {}, 'is empty'),
    (b'\xff\xfe\x00', {}, 'is no UTF-8'),
    (TEXT, {'image_size': 8}, 'image_size is for images'),
    (TEXT, {'twin': ('inverted',)}, 'twin is of images .* tokens data'),
    (TEXT, {'without': (3,)}, 'has no labels'),
  ],
)
def test_bad_texts(load, content, settings_, sentence):
  with pytest.raises(UserError, match=sentence) as caught:
    load('train', content, **settings_)
  assert '\n' not in str(caught.value)


def test_no_text(tmp_path, settings):
  with pytest.raises(UserError, match='There is no file or folder .*text:stdlib'):
    data.load(settings(f'text:{tmp_path}/none.txt'), 'train')
  with pytest.raises(UserError, match='There are no .txt files'):
    data.load(settings(f'text:{tmp_path}'), 'train')


@pytest.mark.parametrize(
  'content', ['{', '[]', '{"kind": "words", "size": 3}', '{"kind": "bytes", "size": "3"}']
)
def test_a_damaged_vocabulary_is_no_vocabulary(tmp_path, content):
  (tmp_path / 'vocabulary.json').write_text(content)
  with pytest.raises(UserError, match='is damaged'):
    vocabulary.read(tmp_path)


def test_without_the_library_there_is_a_sentence(load, monkeypatch):
  monkeypatch.setitem(sys.modules, 'tokenizers', None)
  with pytest.raises(UserError, match=r"pip install 'jaxgen\[text\]'"):
    load('train', tokenizer='bpe', vocabulary=299, context=8)


def test_the_library_is_not_loaded_with_the_data_room():
  code = 'import sys, jaxgen.data; print("tokenizers" in sys.modules)'
  assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout == 'False\n'
