"""Sentences of a text by a stated rule, each an example that is filled up to one length."""

import numpy as np
import pytest

from jaxgen import data
from jaxgen.data.text import sentences
from jaxgen.errors import UserError

TEXT = """A heading

Return the first  one, if
it is there.  Otherwise nothing!  see below.

    code(x)  # Not one.

Is 3.5 a number? Yes, it is. And this is cut

Éclairs are eaten.
"""
FOUND = [
  'Return the first one, if it is there.',
  'Otherwise nothing!',
  'Is 3.5 a number?',
  'Yes, it is.',
  'Éclairs are eaten.',
]


@pytest.fixture
def load(tmp_path, settings):
  """`(split, content, **settings) -> source` of a file."""

  def make(split, content, **others):
    (tmp_path / 'mine.txt').write_text(content, encoding='utf-8')
    return data.load(settings(f'text:{tmp_path / "mine.txt"}', sentences=True, **others), split)

  return make


def test_sentences_end_by_a_mark_and_stay_within_a_paragraph():
  assert sentences(TEXT).splitlines() == FOUND
  assert sentences('no sentence\n\n') == sentences('') == ''


@pytest.mark.parametrize('tokenizer', ['bytes', 'characters', 'bpe'])
def test_examples_are_sentences_filled_up_by_line_feeds(load, tokenizer):
  content = ''.join(f'This is sentence {number}, no more. ' for number in range(400))
  source = load('train', content, context=40, tokenizer=tokenizer, validation=0.0)
  x, vocabulary = source.resident()['x'], source.vocabulary
  assert x.shape[1] == 40 and len(x) in (359, 360, 361)
  for number in (0, 7, 123):
    sentence = f'This is sentence {number}, no more.'
    tokens = vocabulary.encode(sentence)
    (end,) = vocabulary.encode('\n')
    np.testing.assert_array_equal(x[number], [*tokens, *[end] * (40 - len(tokens))])
    mask = source.resident()['observed'][number]
    np.testing.assert_array_equal(mask, np.arange(40) <= len(tokens))  # the end is of the sentence
    assert source.end == end and mask.dtype == np.uint8
    assert vocabulary.decode(x[number]).rstrip('\n') == sentence


def test_longer_ones_are_left_out_and_one_of_the_same_length_is_not(load):
  source = load('train', 'Abc. Abcdef. Ab. Abcde.' + ' X' * 30, context=6, validation=0.0)
  assert [source.vocabulary.decode(row) for row in source.resident()['x']] == [
    'Abc.\n\n',
    'Ab.\n\n\n',
    'Abcde.',
  ]
  np.testing.assert_array_equal(source.resident()['observed'].sum(1), [5, 4, 6])  # the last one has no end


def test_a_split_says_how_many_were_left_out_and_how_many_were_seen(load):
  """Of 20 equal stretches 18 are of train and 2 of test; in each of these one sentence is another one."""
  common = 'It is there. Much, much, much too long. '  # 40 characters
  content = common * 18 + 'Who is here? Much, much, much too long. ' + common
  names = [load(split, content, context=20, validation=0.0).name for split in ('train', 'test')]
  assert names[0].endswith('(train), 18 sentences without 18 of more than 20 tokens')
  assert names[1].endswith(
    '2 sentences without 2 of more than 20 tokens; 1 of them also in the training split'
  )


@pytest.mark.parametrize(
  ('content', 'context', 'sentence'),
  [
    ('Much too long. ' * 40, 5, 'no sentence of at most --config.data.context=5 tokens, of 3'),
    ('nothing that ends ' * 40, 50, 'has no sentence to train on'),
  ],
)
def test_texts_without_a_sentence_that_fits_are_refused(load, content, context, sentence):
  with pytest.raises(UserError, match=sentence) as caught:
    load('train', content, context=context)
  assert '\n' not in str(caught.value)
