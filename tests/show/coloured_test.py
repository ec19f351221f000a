import numpy as np
import pytest

from jaxgen.data.vocabulary import Vocabulary
from jaxgen.show import About, Speller, coloured
from jaxgen.show.text import spelt, texts

BYTES = Vocabulary('bytes', 256)


def test_a_text_is_spelt_as_its_tokens_come_and_half_a_character_waits():
  tokens, speller = BYTES.encode('aé<'), Speller(BYTES.decode, BYTES.in_parts)
  assert [speller.add(token) for token in tokens] == ['a', '', 'é', '<']
  numbers = Speller(None)
  assert ''.join(numbers.add(token) for token in (12, 0, 7)) == '12 0 7'


LETTERS = Vocabulary('characters', 3, 'ab')


@pytest.mark.parametrize(
  ('vocabulary', 'tokens', 'pieces'),
  [
    (LETTERS, [1, 0, 2, 0, 0], ['a', '\ufffd', 'b', '\ufffd', '\ufffd']),
    (BYTES, [97, 0xC3, 97, 0xE2, 0x82], ['a', '', '\ufffda', '', '\ufffd']),
    (BYTES, [*'é'.encode()] * 2, ['', 'é', '', 'é']),
  ],
)
def test_each_token_has_its_piece_and_nothing_of_the_text_is_lost(vocabulary, tokens, pieces):
  assert spelt(np.array(tokens), vocabulary.decode, vocabulary.in_parts) == pieces
  assert ''.join(pieces) == vocabulary.decode(tokens)


def test_a_long_text_costs_no_more_for_each_token():
  read = []

  def decode(tokens):
    read.append(len(tokens))
    return BYTES.decode(tokens)

  spelt(np.tile(BYTES.encode('aé'), 300), decode, in_parts=True)
  assert max(read) <= 4


def test_every_token_has_a_colour_by_its_surprise_and_markup_is_text(tmp_path):
  tokens = BYTES.encode('a<b>').reshape(1, -1)
  log_mass = np.log([[1.0, 0.5, 2.0**-5, 2.0**-30]])
  coloured.save(tokens, log_mass, About(decode=BYTES.decode), 'my <texts>', tmp_path / 'page.html')
  page = (tmp_path / 'page.html').read_text(encoding='utf-8')
  body = page.partition('my &lt;texts&gt;</h1>')[2]
  for letter, depth, bits in (
    ('a', '0.00', '0.00'),
    ('&lt;', '0.10', '1.00'),
    ('b', '0.50', '5.00'),
    ('&gt;', '1.00', '30.00'),
  ):
    span = f'<span style="background:rgba(226,88,34,{depth})" title="{bits} bits">{letter}</span>'
    assert body.count(span) == 1
  assert '<b>' not in page and 'http' not in page


def test_what_follows_the_end_of_a_text_is_not_shown(tmp_path):
  tokens, about = np.array([[97, 10, 97, 10], [98, 98, 98, 98]]), About(decode=BYTES.decode, end=10)
  assert texts(tokens, about.decode, about.end) == ['a', 'bbbb']
  assert texts(tokens, about.decode) == ['a\na', 'bbbb']
  coloured.save(tokens, np.full((2, 4), -np.log(2)), about, 'two', tmp_path / 'two.html')
  assert (tmp_path / 'two.html').read_text().count('title="1.00 bits"') == 6
