import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import uses
from jaxgen.data.vocabulary import Vocabulary
from jaxgen.errors import UserError
from jaxgen.types import Field
from jaxgen.uses.completion import observed
from tests.uses.conftest import IMAGES


def test_of_images_the_lower_half_the_lower_right_quarter_or_the_centre_is_hidden():
  half, quarter, centre = observed(Field('image', (4, 6, 2), 17)).values()
  assert not centre[1:3, 1:5].any()
  assert centre.sum() == centre.size - 2 * 4 * 2
  assert half[:2].all()
  assert not half[2:].any()
  assert quarter[:2].all()
  assert quarter[2:, :3].all()
  assert not quarter[2:, 3:].any()


def test_of_all_else_the_end_is_hidden():
  assert observed(Field('tokens', (8,), 256))['quarter'].tolist() == [True] * 6 + [False] * 2
  assert [seen.tolist() for seen in observed(Field('vector', (2,), 0)).values()] == [[True, False]] * 2


def test_what_is_hidden_does_not_reach_the_model(make, tmp_path):
  seen = []

  def complete(params, extra, rng, batch, observed):
    jax.debug.callback(lambda x, observed: seen.append((x, observed)), batch['x'], observed)
    return batch['x']

  make(IMAGES, complete=complete)
  uses.use(tmp_path, options=uses.Options(use=('completion',), num=4))
  jax.effects_barrier()
  assert len(seen) == 6  # three parts, two draws
  assert all((np.asarray(x)[~np.asarray(observed)] == 0).all() for x, observed in seen)


BYTES = Vocabulary('bytes', 256)
TEXT = {'x': Field('tokens', (12,), 256)}


def continuation(tmp_path, prompt, num=2):
  written = uses.use(tmp_path, options=uses.Options(use=('completion',), num=num, prompt=prompt))
  return written['continuation.txt'].read_text(encoding='utf-8')


def test_a_prompt_is_continued_and_printed(make, tmp_path, capsys):
  make(
    TEXT, vocabulary=BYTES, complete=lambda params, extra, rng, batch, observed: batch['x'] + ~observed * 33
  )
  assert continuation(tmp_path, 'Hi').count('Hi!!!!!!!!!!') == 2
  assert 'Hi!!!!!!!!!!' in capsys.readouterr().out


def test_a_prompt_is_spelt_by_the_vocabulary_of_the_run(make, tmp_path):
  letters = Vocabulary('characters', 3, 'ab')
  spec = {'x': Field('tokens', (4,), 3)}
  make(
    spec, vocabulary=letters, complete=lambda params, extra, rng, batch, observed: batch['x'] + ~observed * 1
  )
  assert 'bbaa' in continuation(tmp_path, 'bb', num=1)
  with pytest.raises(UserError, match="--prompt holds 'c', which is outside the vocabulary"):
    continuation(tmp_path, 'abc')


def test_the_vocabulary_of_another_run_is_refused(make, tmp_path):
  make({'x': Field('tokens', (4,), 30)}, vocabulary=Vocabulary('characters', 3, 'ab'))
  with pytest.raises(UserError, match='The vocabulary of .* has 3 tokens, but its model 30; put back'):
    uses.use(tmp_path, options=uses.Options(use=('samples',)))


def test_a_prompt_longer_than_the_context_is_refused(make, tmp_path):
  make(TEXT, vocabulary=BYTES)
  with pytest.raises(
    UserError, match='--prompt is 13 tokens long, and the context of this model holds 12; shorten it'
  ):
    continuation(tmp_path, 'a' * 13)


def test_a_prompt_of_nothing_is_refused(make, tmp_path):
  make(TEXT, vocabulary=BYTES)
  with pytest.raises(UserError, match='--prompt= holds no text to continue; write some, or leave it out'):
    continuation(tmp_path, '')


@pytest.mark.parametrize('vocabulary', [BYTES, Vocabulary('characters', 2, 'a')])
def test_a_prompt_that_is_no_text_is_refused(make, tmp_path, vocabulary):
  make({'x': Field('tokens', (12,), vocabulary.size)}, vocabulary=vocabulary)
  with pytest.raises(UserError, match='--prompt=.* is no UTF-8; write it otherwise'):
    continuation(tmp_path, 'a\udcff')


@pytest.mark.parametrize(
  ('changes', 'sentence'), [({'complete': None}, 'models that complete'), ({}, 'of none')]
)
def test_a_prompt_that_nothing_can_continue_is_refused(make, tmp_path, changes, sentence):
  make(TEXT, **changes)
  with pytest.raises(UserError, match=f'--prompt is for .*{sentence}'):
    uses.use(tmp_path, options=uses.Options(prompt='Hi'))


def test_a_continuation_is_printed_while_it_is_made_whatever_the_order_it_is_told_in(make, tmp_path, capsys):
  def complete(params, extra, rng, batch, observed, tell):
    x = jnp.where(observed, batch['x'], 33).astype(jnp.uint8)
    for index in (1, 0, *range(3, 12), 2, 2):
      jax.debug.callback(tell, index, x[:, index])
    return x

  make(TEXT, vocabulary=BYTES, complete=complete, streams=True)
  assert 'H\n\x1b!!!!!!!!!' in continuation(tmp_path, 'H\n\x1b')
  out = capsys.readouterr().out
  assert out.startswith('H\n·!!!!!!!!!\ncompletion ')
  assert out.count('!!!!!!!!!') == 1 and '\x1b' not in out


def test_of_a_continuation_that_is_told_nothing_is_missing_at_its_end(make, tmp_path, capsys):
  def complete(params, extra, rng, batch, observed, tell):
    x = jnp.where(observed, batch['x'], 0xE2).astype(jnp.uint8)  # the first byte of a character
    for index in range(12):
      jax.debug.callback(tell, index, x[:, index])
    return x

  make(TEXT, vocabulary=BYTES, complete=complete, streams=True)
  continuation(tmp_path, 'Hi')
  assert capsys.readouterr().out.startswith(f'Hi{chr(0xFFFD) * 10}\ncompletion ')


def test_a_terminal_obeys_nothing_of_a_text_but_its_line_feeds(make, tmp_path, capsys):
  make(
    TEXT, vocabulary=BYTES, complete=lambda params, extra, rng, batch, observed: batch['x'] + ~observed * 27
  )
  assert '\x1b' in continuation(tmp_path, 'Hi')
  out = capsys.readouterr().out
  assert f'--- 0 ---\nHi{"·" * 10}\n' in out and '\x1b' not in out


def test_texts_have_a_page_in_colours_where_the_model_knows_their_log_probabilities(make, tmp_path):
  log_mass = lambda params, extra, batch: jnp.full(batch['x'].shape, jnp.log(0.5))  # noqa: E731
  make(TEXT, vocabulary=BYTES, entry_log_mass=log_mass)
  written = uses.use(tmp_path, options=uses.Options(use=('completion',), num=2, prompt='Hi'))
  assert written['continuation.html'].read_text().count('title="1.00 bits">i<') == 2
  written = uses.use(tmp_path, options=uses.Options(use=('samples',), num=2))
  assert written['samples.html'].read_text().count('title="1.00 bits"') == 24
