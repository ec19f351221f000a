"""A sentence for each codebook that is hardly in use, and none for a healthy one."""

import pytest

from jaxgen.families.vae.codebook_health import disuse

FINE = {'perplexity': 50.0, 'dead_codes': 0.1}


def test_a_codebook_in_use_is_not_worth_a_word():
  assert disuse(FINE, {'': 64}) == []
  assert disuse({'perplexity': 1.0}, {'': 64}) == []  # of an older run, which did not count them


@pytest.mark.parametrize(
  ('row', 'sentence'),
  [
    ({'perplexity': 9.5, 'dead_codes': 52 / 64}, '12 of 64 codes are in use: perplexity 9.5.'),
    (
      {'perplexity': 1.02, 'dead_codes': 0.0},
      'Almost all vectors become one of the 64 codes: perplexity 1.02.',
    ),
  ],
)
def test_what_is_bad_is_said_with_its_numbers(row, sentence):
  (found,) = disuse(row, {'': 64})
  assert found.startswith(sentence) and 'config.model.' in found


def test_each_of_several_codebooks_is_told_by_its_name():
  row = {'top_perplexity': 4.0, 'top_dead_codes': 0.75, 'bottom_perplexity': 50.0, 'bottom_dead_codes': 0.0}
  (found,) = disuse(row, {'top_': 16, 'bottom_': 64})
  assert found.startswith('4 of 16 top codes are in use')
