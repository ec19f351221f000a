"""What is asked for on the command line is followed, or refused in one sentence."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import uses
from jaxgen.errors import UserError
from jaxgen.types import Field
from tests.uses.conftest import IMAGES

VECTOR = {
  'x': Field('vector', (2,), 0),
  'attributes': Field('vector', (3,), 0),
  'label': Field('label', (), 10),
}
PAIR = {
  'x': Field('image', (8, 8, 1), 17),
  'y': Field('image', (4, 4, 1), 17),
  'label': Field('label', (), 10),
}


def samples(tmp_path, **options):
  written = uses.use(tmp_path, options=uses.Options(use=('samples',), **options))
  with np.load(written['samples.npz']) as arrays:
    return dict(arrays), json.loads(written['samples.json'].read_text())


def test_labels_that_are_asked_for_are_given_in_turn(make, tmp_path):
  make(given=('label',))
  arrays, record = samples(tmp_path, num=5, given={'label': '7,2'})
  assert arrays['label'].tolist() == [7, 2, 7, 2, 7]
  assert arrays['x'][:, 0, 0, 0].tolist() == [7, 2, 7, 2, 7]
  assert record['given'] == {'label': [7, 2]}


def test_without_asking_labels_have_the_shares_of_the_training_set(make, tmp_path):
  few = {'x': np.zeros((20, 8, 8, 1), np.uint8), 'label': np.array([4] * 15 + [9] * 5, np.uint8)}
  make(given=('label',), arrays={'train': few, 'test': few})
  arrays, record = samples(tmp_path, num=400)
  assert set(arrays['label'].tolist()) == {4, 9}
  assert np.mean(arrays['label'] == 4) == pytest.approx(0.75, abs=0.07)
  np.testing.assert_array_equal(arrays['x'][:, 0, 0, 0], arrays['label'])
  assert record['given'] == {'label': 'of random training examples'}


def test_what_is_not_asked_for_is_that_of_training_examples(make, tmp_path):
  make(PAIR, ('y', 'label'))
  arrays, record = samples(tmp_path, num=6, given={'label': '1'})
  assert set(arrays) == {
    'x',
    'y',
    'label',
    'step',
    'kind',
    'levels',
    'y_kind',
    'y_levels',
    'label_kind',
    'label_levels',
  }
  assert arrays['y'].shape == (6, 4, 4, 1)
  assert arrays['label'].tolist() == [1] * 6
  assert record['given'] == {'y': 'of random training examples', 'label': [1]}


def test_knobs_are_turned_and_noted(make, tmp_path):
  make(given=('label',))
  arrays, record = samples(tmp_path, num=2, given={'label': '8'}, knobs={'temperature': '0.5'})
  assert (arrays['x'] == 4).all()
  assert record['knobs'] == {'temperature': 0.5, 'steps': 3}


def test_a_knob_that_counts_stays_a_whole_number(make, tmp_path):
  make(knobs={'steps': 3})
  assert samples(tmp_path, num=2, knobs={'steps': '7'})[1]['knobs'] == {'steps': 7}


def test_a_knob_beyond_what_the_model_can_do_is_refused(make, tmp_path):
  def sample(params, extra, rng, num, given=None, steps=3):
    if steps < 2:
      raise ValueError('at least two levels.')
    return jnp.zeros((num, 8, 8, 1), jnp.uint8)

  make(sample=sample, knobs={'steps': 3})
  with pytest.raises(UserError, match='--knobs.steps=1 cannot be used: at least two levels'):
    samples(tmp_path, knobs={'steps': '1'})


def test_the_step_and_the_weights_are_chosen(make, tmp_path):
  make()
  assert samples(tmp_path, num=2, weights='raw')[1]['weights'] == 'raw'


REFUSED = {
  'no label': (dict(given={'label': '10'}), '--given.label=10 is no label; there are 10, from 0 to 9'),
  'a negative label': (dict(given={'label': '1,-1'}), '--given.label=-1 is no label'),
  'a label in words': (
    dict(given={'label': 'three'}),
    '--given.label=three cannot be used; it must be a whole number',
  ),
  'half a label': (dict(given={'label': '0.5'}), 'must be a whole number'),
  'an empty label': (dict(given={'label': '1,,2'}), 'must be a whole number'),
  'a field that is none': (
    dict(given={'colour': '1'}),
    '--given.colour cannot be followed: .* it follows label',
  ),
  'what is modelled': (dict(given={'x': '1'}), '--given.x cannot be followed'),
  'no knob': (
    dict(knobs={'heat': '1'}),
    '--knobs.heat turns nothing of this model; its knobs are temperature, steps',
  ),
  'a knob in words': (
    dict(knobs={'temperature': 'hot'}),
    '--knobs.temperature=hot cannot be used; it must be a number',
  ),
  'a knob without an end': (dict(knobs={'temperature': 'nan'}), 'it must be a number'),
  'more steps than can be counted': (
    dict(knobs={'steps': '9' * 30}),
    '--knobs.steps=9+ cannot be used; it must be 2147483647 or less',
  ),
  'half a step': (dict(knobs={'steps': '2.5'}), 'it must be a whole number'),
  'a negative knob': (
    dict(knobs={'temperature': '-1'}),
    '--knobs.temperature=-1 cannot be used; it must be 0 or more',
  ),
  'no step': (dict(knobs={'steps': '0'}), '--knobs.steps=0 cannot be used; it must be 1 or more'),
  'no use': (dict(use=('smaples',)), 'There is no use "smaples"; choose of: samples, '),
  'a use without its ability': (
    dict(use=('translation',)),
    '--use=translation needs an image that is given, or two',
  ),
  'no class held out': (dict(use=('anomaly',)), '--use=anomaly needs a class held out of training'),
  'no split': (dict(split='tset'), 'There is no split "tset"; --split is one of train, '),
  'no samples': (dict(num=0), '--num=0 samples cannot be drawn'),
  'averages of a run without': (
    dict(weights='averaged'),
    '--weights=averaged cannot be used; this run has raw ones',
  ),
  'a seed below zero': (dict(seed=-1), '--seed=-1 cannot be used; it must be a whole number in'),
  'a prompt for images': (dict(use=('completion',), prompt='To'), '--prompt is for models of text'),
}


@pytest.mark.parametrize('row', REFUSED)
def test_what_cannot_be_followed_is_said_in_one_sentence_before_anything_is_written(make, tmp_path, row):
  options, sentence = REFUSED[row]
  make(IMAGES, ('label',))
  with pytest.raises(UserError, match=sentence) as error:
    uses.use(tmp_path, options=uses.Options(**options))
  assert '\n' not in str(error.value)
  assert not (tmp_path / 'sampled').exists()


def test_what_a_model_was_not_trained_with_is_said(make, tmp_path):
  make(IMAGES)
  with pytest.raises(UserError, match='the model was trained without it; it follows no condition'):
    uses.use(tmp_path, options=uses.Options(given={'label': '3'}))


def test_numbers_are_given_as_a_vector_and_images_not_at_all(make, tmp_path):
  make(VECTOR, ('attributes',))
  arrays, _ = samples(tmp_path, num=2, given={'attributes': '0.5,-1,2'})
  np.testing.assert_allclose(arrays['attributes'], [[0.5, -1, 2]] * 2)
  with pytest.raises(UserError, match='--given.attributes takes 3 numbers between commas, not 2'):
    samples(tmp_path, given={'attributes': '1,2'})
  make(PAIR, ('y',))
  with pytest.raises(
    UserError, match='--given.y is an example of kind image, which cannot be typed; leave it out'
  ):
    samples(tmp_path, given={'y': '1'})


@pytest.mark.parametrize('use', ['samples', 'trajectory', 'export'])
def test_knobs_reach_whatever_is_drawn_and_the_record_says_so(make, tmp_path, use):
  """At temperature 0 a label draws 0 in place of itself, in every stage of a trajectory too."""
  seen = []

  def trajectory(params, extra, rng, num, given=None, temperature=1.0, steps=3):
    seen.append(temperature)
    return jnp.zeros((2, num, 8, 8, 1), jnp.uint8)

  make(given=('label',), trajectory=trajectory)
  options = uses.Options(use=(use,), num=2, knobs={'temperature': '0.5'})
  written = uses.use(tmp_path, options=options)
  assert json.loads(written[f'{use}.json'].read_text())['knobs'] == {'temperature': 0.5, 'steps': 3}
  assert seen == ([0.5] if use == 'trajectory' else [])


def test_a_completion_takes_the_knobs_that_the_model_says(make, tmp_path):
  seen = []

  def complete(params, extra, rng, batch, observed, temperature=1.0):
    seen.append(temperature)
    return batch['x']

  make(complete=complete, completion_knobs=('temperature',))
  options = uses.Options(use=('completion',), num=2, knobs={'temperature': '0.5'})
  written = uses.use(tmp_path, options=options)
  assert json.loads(written['completion.json'].read_text())['knobs'] == {'temperature': 0.5}
  assert set(seen) == {0.5}
  with pytest.raises(UserError, match='--knobs.steps changes nothing of completion; it is of --use=samples'):
    uses.use(tmp_path, options=options._replace(knobs={'steps': '2'}))


@pytest.mark.parametrize('use', ['interpolation', 'traversal', 'completion'])
def test_examples_keep_the_conditions_that_they_have(make, tmp_path, use):
  """What is encoded or completed is an example with its own label; draws of the prior take what is asked for."""
  options = uses.Options(use=(use,), num=2)
  make(given=('label',))
  record = json.loads(uses.use(tmp_path, options=options)[f'{use}.json'].read_text())
  assert record['given'] == {'label': 'of the examples themselves'}
  with pytest.raises(UserError, match=f'--given changes nothing of {use}; it is of --use=samples, '):
    uses.use(tmp_path, options=options._replace(given={'label': '3'}))
  if use != 'completion':
    make(given=('label',), encode=None)
    written = uses.use(tmp_path, options=options._replace(given={'label': '3'}))
    assert json.loads(written[f'{use}.json'].read_text())['given'] == {'label': [3]}


def test_what_a_knob_means_is_recorded_and_said_where_it_is_turned(make, tmp_path, capsys):
  make(meanings={'temperature': 'samples are of p(x)^(1 / T^2)'})
  _, record = samples(tmp_path, num=2)
  assert record['meanings'] == {'temperature': 'samples are of p(x)^(1 / T^2)'}
  assert 'p(x)^' not in capsys.readouterr().out
  samples(tmp_path, num=2, knobs={'temperature': '0.7'})
  assert 'samples        temperature 0.7: samples are of p(x)^(1 / T^2)\n' in capsys.readouterr().out
