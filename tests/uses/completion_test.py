import jax
import numpy as np
import pytest

from jaxgen import uses
from jaxgen.errors import UserError
from jaxgen.types import Field
from jaxgen.uses.completion import observed
from tests.uses.conftest import IMAGES

TEXT = {'x': Field('tokens', (12,), 100)}


def test_of_images_the_lower_half_or_the_lower_right_quarter_is_hidden():
  half, quarter = (observed(Field('image', (4, 6, 2), 17), share) for share in (2, 4))
  assert half[:2].all()
  assert not half[2:].any()
  assert quarter[:2].all()
  assert quarter[2:, :3].all()
  assert not quarter[2:, 3:].any()


def test_of_all_else_the_end_is_hidden():
  assert observed(Field('tokens', (8,), 256), 4).tolist() == [True] * 6 + [False] * 2
  assert observed(Field('vector', (2,), 0), 4).tolist() == [True, False]


def test_what_is_hidden_does_not_reach_the_model(make, tmp_path):
  seen = []

  def complete(params, extra, rng, batch, observed):
    jax.debug.callback(lambda x, observed: seen.append((x, observed)), batch['x'], observed)
    return batch['x']

  make(IMAGES, complete=complete)
  uses.use(tmp_path, options=uses.Options(use=('completion',), num=4))
  jax.effects_barrier()
  assert len(seen) == 4  # two shares, two draws
  assert all((np.asarray(x)[~np.asarray(observed)] == 0).all() for x, observed in seen)


def test_a_prompt_is_continued(make, tmp_path):
  make(TEXT)
  options = uses.Options(use=('completion',), num=2, prompt='Hi')
  with pytest.raises(UserError, match='token 105, which is outside the vocabulary of 100'):
    uses.use(tmp_path, options=options)
  make(
    {'x': Field('tokens', (12,), 256)},
    complete=lambda params, extra, rng, batch, observed: batch['x'] + ~observed * 33,
  )
  written = uses.use(tmp_path, options=options)
  assert 'Hi!!!!!!!!!!' in written['continuation.txt'].read_text(encoding='utf-8')


def test_a_prompt_longer_than_the_context_is_refused(make, tmp_path):
  make(TEXT)
  with pytest.raises(
    UserError, match='--prompt is 13 tokens long, and the context of this model holds 12; shorten it'
  ):
    uses.use(tmp_path, options=uses.Options(use=('completion',), prompt='a' * 13))


def test_a_prompt_is_spelt_by_the_vocabulary_of_the_data(make, tmp_path):
  class Letters:
    def encode(self, text):
      return np.array(['ab'.index(letter) for letter in text])

    def decode(self, tokens):
      return ''.join('ab'[token] for token in tokens)

  spec = {'x': Field('tokens', (4,), 2)}
  make(spec, vocabulary=Letters(), complete=lambda params, extra, rng, batch, observed: batch['x'])
  options = uses.Options(use=('completion',), num=1, prompt='bb')
  assert 'bbaa' in uses.use(tmp_path, options=options)['continuation.txt'].read_text()
