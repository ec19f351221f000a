import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgen import show, uses
from jaxgen.data import vocabulary as vocabularies
from jaxgen.data.vocabulary import Vocabulary
from jaxgen.errors import UserError
from jaxgen.runs import content
from jaxgen.types import Field
from jaxgen.uses import asked, completion, surprise
from jaxgen.uses.completion import _Told, observed, projections
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


def test_of_an_image_its_colours_or_its_details_may_be_hidden():
  assert list(projections(Field('image', (8, 4, 3), 17))) == ['colour', 'detail', 'detail_4']
  assert list(projections(Field('image', (6, 6, 1), 17))) == ['detail']
  assert not projections(Field('tokens', (8,), 17)) and not projections(Field('image', (7, 6, 1), 17))


def test_what_is_left_of_colours_and_details_reaches_the_model_as_a_projection(make, tmp_path):
  """It is given the projection, and the picture has what that leaves beside the original."""

  def complete(params, extra, rng, batch, observed):
    return observed(batch['x'].astype(jnp.float32)).astype(jnp.uint8)

  spec = {'x': Field('image', (4, 4, 3), 17)}
  x = np.random.default_rng(0).integers(17, size=(2, 4, 4, 3)).astype(np.uint8)
  make(spec, complete=complete, projects=True, arrays=dict.fromkeys(('train', 'test'), {'x': x}))
  asked = uses.Options(use=('completion',), num=2, hidden='colour,detail')
  written = uses.use(tmp_path, options=asked)
  assert set(written) == {'completion_colour.png', 'completion_detail.png', 'completion.json'}
  grey = np.asarray(Image.open(written['completion_colour.png']))
  assert any(
    row.any() for row in np.ptp(grey.astype(int), axis=-1)[: len(grey) // 2]
  )  # the examples are coloured
  means = completion._shown(x, projections(spec['x'])['detail'], spec['x'])
  assert means.dtype == np.uint8 and means[0, 0, 0, 0] == means[0, 1, 1, 0]
  assert means[0, 0, 0, 0] == np.rint(x[0, :2, :2, 0].mean())


@pytest.mark.parametrize(
  ('hidden', 'others', 'sentence'),
  [
    ('detail', {}, '--hidden=detail leaves something of every entry, .* of this one: half, quarter, centre'),
    ('colour', {}, '--hidden=colour can hide nothing of these examples; choose of: half'),
    ('half', dict(use=('samples',)), '--hidden changes nothing of samples; it is of --use=completion'),
    ('half', dict(prompt='Hi'), '--prompt'),
  ],
)
def test_what_cannot_be_hidden_is_refused(make, tmp_path, hidden, others, sentence):
  make(IMAGES)
  with pytest.raises(UserError, match=sentence):
    uses.use(tmp_path, options=uses.Options(hidden=hidden, **{'use': ('completion',), 'num': 2} | others))


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


def test_a_vocabulary_of_the_same_size_is_told_by_its_checksum_and_an_older_run_has_none(make, tmp_path):
  trained, swapped = (Vocabulary('characters', 11, letters) for letters in ('abcdefghij', 'abcdefghik'))
  options = uses.Options(use=('samples',), num=2)
  make({'x': Field('tokens', (4,), 11)}, vocabulary=swapped)
  uses.use(tmp_path, options=options)  # nothing tells that these letters are not those of the training
  content.write(tmp_path, {'vocabulary': content.of_vocabulary(trained)})
  with pytest.raises(
    UserError, match=r'is not that of its training, .*: 11 tokens, checksum \w{8} then, 11 tokens'
  ):
    uses.use(tmp_path, options=options)
  vocabularies.save(tmp_path, trained)
  uses.use(tmp_path, options=options)
  (tmp_path / 'data.json').write_text('{"vocabulary": {}}')
  with pytest.raises(UserError, match='data.json is damaged; put back a copy of it'):
    uses.use(tmp_path, options=options)


def test_a_prompt_that_ends_an_example_is_refused(make, tmp_path):
  subject = make(TEXT, vocabulary=BYTES)
  with pytest.raises(
    UserError, match=r"--prompt holds '\\n', which ends an example of these data; leave it out"
  ):
    asked.prompt('No.\nThis ', subject.model, subject.field, BYTES, end=10)
  assert len(asked.prompt('No. This ', subject.model, subject.field, BYTES, end=10)) == 9


def test_a_prompt_longer_than_the_context_is_refused(make, tmp_path):
  make(TEXT, vocabulary=BYTES)
  with pytest.raises(
    UserError, match='--prompt is 13 tokens long, and the context of this model holds 12; shorten it'
  ):
    continuation(tmp_path, 'a' * 13)


def test_a_prompt_beyond_the_context_is_continued_where_the_model_goes_on(make, tmp_path):
  def complete(params, extra, rng, batch, observed, length=12):
    x = jnp.where(observed, batch['x'], 33)
    return jnp.pad(x, ((0, 0), (0, length)), constant_values=33)[:, :length].astype(jnp.uint8)

  knobs = {'length': 12}
  make(TEXT, vocabulary=BYTES, complete=complete, knobs=knobs, completion_knobs=('length',), sample=_sample)
  options = uses.Options(use=('completion',), num=1, prompt='a' * 13)
  with pytest.raises(
    UserError, match='13 tokens long, .* holds 12; shorten it, or draw more by --knobs.length=25'
  ):
    uses.use(tmp_path, options=options)
  written = uses.use(tmp_path, options=options._replace(knobs={'length': '15'}))
  assert 'a' * 13 + '!!' in written['continuation.txt'].read_text(encoding='utf-8')


def _sample(params, extra, rng, num, given=None, length=12):
  return jnp.zeros((num, length), jnp.uint8)


def test_the_page_of_surprise_is_left_out_where_a_text_is_far_longer_than_the_context(make, capsys):
  subject = make(TEXT, entry_log_mass=lambda *_: pytest.fail('attention over all of it'))
  assert surprise.save(subject, np.zeros((1, 5000), np.uint8), None, 'samples') == []
  said = 'samples.html is left out: it is of texts of at most 4,096 tokens, and these have 5,000.'
  assert said in capsys.readouterr().out


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


def test_of_a_sentence_that_is_told_nothing_follows_its_end(capsys):
  told = _Told(show.About(decode=BYTES.decode, in_parts=True, end=10))
  for index, token in enumerate('Hé\nxx'.encode()):
    told(np.array(index), np.array([token, 0]))
  told.end()
  assert capsys.readouterr().out == 'Hé\n'


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
