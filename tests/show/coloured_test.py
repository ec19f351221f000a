import numpy as np

from jaxgen.data.vocabulary import Vocabulary
from jaxgen.show import Speller, coloured

BYTES = Vocabulary('bytes', 256)


def test_a_text_is_spelt_as_its_tokens_come_and_half_a_character_waits():
  tokens, speller = BYTES.encode('aé<'), Speller(BYTES.decode)
  assert [speller.add(token) for token in tokens] == ['a', '', 'é', '<']
  numbers = Speller(None)
  assert ''.join(numbers.add(token) for token in (12, 0, 7)) == '12 0 7'


def test_every_token_has_a_colour_by_its_surprise_and_markup_is_text(tmp_path):
  tokens = BYTES.encode('a<b>').reshape(1, -1)
  log_mass = np.log([[1.0, 0.5, 2.0**-5, 2.0**-30]])
  coloured.save(tokens, log_mass, BYTES.decode, 'my <texts>', tmp_path / 'page.html')
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
