import numpy as np
import pytest

from configs import gan_toy, iaf_vae_digits, sentence_vae_text, tabular_vae_wine, vae_digits
from jaxgen import data, experiment, types
from jaxgen.data import vocabulary
from jaxgen.data.source import from_arrays
from jaxgen.data.tables.columns import Columns
from jaxgen.data.vocabulary import Vocabulary
from jaxgen.errors import UserError
from jaxgen.types import Field

SCRIPT = """
from configs.vae_digits import get_config
from jaxgen import beginning, data, experiment

config = data.resolve(get_config('smoke'))
print(beginning.first_shapes(experiment.build_model(config), config).step)
"""


def test_shapes_are_found_under_the_flags_that_a_user_has(run_python):
  # the tests' own flags would have nothing compiled with options of its own
  assert 'ShapeDtypeStruct(shape=(), dtype=int32' in run_python('-c', SCRIPT, env={'XLA_FLAGS': ''}).stdout


def test_models_with_knobs_are_keys_of_caches():
  model = types.GenerativeModel(len, types.Update(len, len), len, len, 'loss = 0', knobs={'temperature': 1.0})
  assert {model: 'found'}[model._replace()] == 'found'


MASK = Field('mask', (3,), 2)
WITH_GAPS = {'x': Field('vector', (3,), 0), 'observed': MASK}
TABLE = {**WITH_GAPS, 'x': Field('table', (3,), 0), 'truth': Field('table', (3,), 0), 'removed': MASK}
COLUMNS = Columns(('a', 'b', 'c'), (0.0,) * 3, (1.0,) * 3, ((), ('red', 'green'), ()))


@pytest.mark.parametrize('config', [vae_digits, iaf_vae_digits, gan_toy], ids=lambda each: each.__name__)
@pytest.mark.parametrize('spec', [TABLE, WITH_GAPS, {'x': TABLE['x']}], ids=['table', 'gaps', 'categories'])
def test_gaps_are_no_zeros_and_categories_no_numbers_to_a_model_that_does_not_say_so(config, spec):
  config = config.get_config('smoke')
  if 'likelihood' in config.model:
    config.model.likelihood = 'gaussian'
  config.data.name = 'table:wine'
  with pytest.raises(UserError, match='table:wine is a table or has missing entries, .*=tabular_vae_wine'):
    experiment.build_model(data.resolved(config, spec, COLUMNS))


@pytest.mark.parametrize('answer', ['truth', 'removed'])
def test_no_model_is_told_what_was_removed(answer):
  config = tabular_vae_wine.get_config('smoke')
  experiment.build_model(data.resolved(config, TABLE, COLUMNS))
  config.given = (answer,)
  with pytest.raises(UserError, match=f'config.given names {answer}, which tells what was removed'):
    experiment.build_model(data.resolved(config, TABLE, COLUMNS))


def test_no_model_of_sentences_is_told_how_long_one_is():
  config, spec = sentence_vae_text.get_config('smoke'), {'x': Field('tokens', (3,), 7), 'observed': MASK}
  config.given = ('observed',)
  with pytest.raises(
    UserError, match='config.given names observed, which tells how long an example is before'
  ):
    experiment.build_model(data.resolved(config, spec, end=0))


@pytest.mark.parametrize(
  'x', [Field('tokens', (4,), 7), Field('tokens', (3, 1), 7), Field('vector', (4,), 0)]
)
def test_a_mask_that_does_not_fit_is_not_passed_over(x):
  config = sentence_vae_text.get_config('smoke')
  with pytest.raises(UserError, match=r'The mask "observed" of .* has the shape \(3,\), and x is '):
    experiment.build_model(data.resolved(config, {'x': x, 'observed': MASK}))


def test_a_run_is_measured_by_its_own_vocabulary_alone(tmp_path):
  """Of a text whose characters became others every token would stand for another one, though there are as many."""
  one, other = (Vocabulary('characters', 4, characters) for characters in ('abc', 'abd'))
  source = from_arrays('text:mine (test)', {'x': Field('tokens', (1,), 4)}, {'x': np.zeros((1, 1), int)}, one)
  experiment.check_same_table(tmp_path, 'test', source)  # a run that is older keeps none
  vocabulary.save(tmp_path, one)
  experiment.check_same_table(tmp_path, 'test', source)
  vocabulary.save(tmp_path, other)
  with pytest.raises(
    UserError, match='The vocabulary of text:mine .test. is not that of the run in .*; put the text'
  ):
    experiment.check_same_table(tmp_path, 'test', source)


def test_what_fills_sentences_up_is_no_text_to_a_model_that_does_not_say_so():
  spec = {'x': Field('tokens', (3,), 7), 'observed': MASK}
  config = vae_digits.get_config('smoke')
  config.data.name = 'text:mine'
  with pytest.raises(UserError, match='text:mine is filled up to one length, .*--config=sentence_vae_text'):
    experiment.build_model(data.resolved(config, spec, end=0))
