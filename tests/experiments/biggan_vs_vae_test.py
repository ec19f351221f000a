"""BigGAN and autoencoders of its blocks: recipes, verdicts, and what goes on after a kill."""

import argparse
import json
import sys

import numpy as np
import pytest
from PIL import Image

from experiments.biggan_vs_vae import __main__ as command
from experiments.biggan_vs_vae import measures, recipes
from experiments.biggan_vs_vae.recipes import FAMILIES, GAN, RECIPES, SETS, VAE, changes, config_of, folder
from experiments.biggan_vs_vae.sentences import (
  HOLDS,
  LEANS_AGAINST,
  LEANS_TO,
  NOT_HERE,
  OPEN,
  SENTENCES,
  Claim,
  Sentence,
  in_words,
  judged,
  verdict,
)
from experiments.biggan_vs_vae.table import table
from jaxgen import config as configs
from jaxgen import models
from jaxgen.errors import UserError
from jaxgen.runs import failure

METRICS = dict(
  frechet_distance=20.0,
  inception_score=5.0,
  precision=0.5,
  recall=0.5,
  density=1.0,
  coverage=0.5,
  variety=0.9,
  sharpness=1.0,
)
BETTER = Claim('frechet_distance', (GAN, 'base'), (GAN, 'leaky'))


def _row(family=GAN, recipe='base', seed=0, **metrics):
  course = {'step': [1, 2], 'frechet_distance': [40.0, 20.0], 'inception_score': [4.0, 5.0]}
  row = {
    'set': 'digits',
    'family': family,
    'recipe': recipe,
    'seed': seed,
    'steps': 2,
    'versions': {'jax': '1'},
  }
  row |= {
    'parameters': 1234,
    'cpu_minutes': 0.5,
    'features': 'classifier (digits)',
    'course': course,
    'health': [],
  }
  reconstruction = {'reconstruction_error': 0.01} if family == VAE else {}
  return row | {'metrics': METRICS | reconstruction | metrics}


def _rows(recipe, distances, family=GAN):
  return [_row(family, recipe, seed, frechet_distance=value) for seed, value in enumerate(distances)]


@pytest.mark.parametrize('name', SETS)
@pytest.mark.parametrize(
  ('family', 'recipe'), [(f, r) for r in RECIPES for f in FAMILIES if changes(f, r) is not None]
)
def test_a_recipe_is_overrides_that_the_models_take(name, family, recipe):
  config = config_of(name, family, recipe, seed=3)
  configs.check(config)
  configs.check_model(config, models.find(config.module).KEYS)
  assert (config.seed, config.data.name) == (3, SETS[name].changes['data.name'])


def test_the_sentences_are_of_recipes_that_there_are():
  for sentence in SENTENCES:
    for claim in sentence.claims:
      assert all(changes(family, recipe) is not None for family, recipe in (claim.better, claim.worse))


@pytest.mark.parametrize(
  ('base', 'leaky', 'found'),
  [
    ([1.0, 2.0], [3.0, 4.0], HOLDS),
    ([3.0, 4.0], [1.0, 2.0], NOT_HERE),
    ([1.0, 3.0], [2.0, 4.0], OPEN),
    ([1.0], [3.0, 4.0], OPEN),
  ],
)
def test_a_claim_is_as_all_seeds_have_it(base, leaky, found):
  assert judged(BETTER, _rows('base', base) + _rows('leaky', leaky)) == found


def test_a_higher_score_is_the_better_one():
  rows = [_row(GAN, 'base', seed, inception_score=9.0) for seed in (0, 1)]
  rows += [_row(GAN, 'leaky', seed, inception_score=8.0) for seed in (0, 1)]
  assert judged(BETTER._replace(measure='inception_score'), rows) == HOLDS


@pytest.mark.parametrize(
  ('changed', 'found'),
  [
    ({'variety': 0.01}, HOLDS),
    ({'variety': 0.5}, NOT_HERE),
    ({'coverage': 0.1}, HOLDS),
    ({'coverage': 0.2}, NOT_HERE),
  ],
)
def test_a_collapse_is_next_to_no_variety_or_a_quarter_of_the_data_s_coverage(changed, found):
  """Where labels are given, one picture of each class varies as the classes do."""
  rows = [_row(seed=seed) for seed in (0, 1)] + [_row('data', '', coverage=0.6)]
  rows += [_row(GAN, 'leaky', seed, **changed) for seed in (0, 1)]
  assert judged(BETTER._replace(measure='collapsed'), rows) == found


WORSE = BETTER._replace(worse=(GAN, 'deep'))
UNRUN = BETTER._replace(worse=(VAE, 'base'))


@pytest.mark.parametrize(
  ('claims', 'of_four', 'of_two'),
  [
    ((BETTER,), HOLDS, LEANS_TO),
    ((BETTER, WORSE), NOT_HERE, LEANS_AGAINST),
    ((BETTER, UNRUN), LEANS_TO, LEANS_TO),
    ((WORSE, UNRUN), LEANS_AGAINST, LEANS_AGAINST),
    ((UNRUN,), OPEN, OPEN),
  ],
)
def test_a_sentence_is_decided_of_four_seeds_and_all_of_its_claims(claims, of_four, of_two):
  rows = _rows('base', [1.0, 2.0, 1.1, 1.2]) + _rows('leaky', [3.0, 4.0, 3.1, 3.2])
  rows += _rows('deep', [0.0, 0.5, 0.1, 0.2])
  few = [row for row in rows if row['seed'] < 2]
  assert [verdict(Sentence('', claims), these) for these in (rows, few)] == [of_four, of_two]


def test_as_many_seeds_as_decide_are_run_unless_told(monkeypatch):
  monkeypatch.setattr(sys, 'argv', [''])
  rows = [row for recipe in ('base', 'leaky') for row in _rows(recipe, [1.0] * command._arguments().seeds)]
  assert verdict(Sentence('', (BETTER,)), rows) == NOT_HERE


def test_noise_decides_no_sentence_of_few_seeds_and_of_four_a_claim_once_in_35():
  """Both directions together: 2 of the 70 ways to part eight numbers, all as likely."""
  order, found = np.random.default_rng(0), []
  for _ in range(2000):
    values = order.normal(size=8)
    rows = _rows('base', values[:4]) + _rows('leaky', values[4:])
    found.append(verdict(Sentence('', (BETTER,)), rows))
    assert verdict(Sentence('', (BETTER,)), [row for row in rows if row['seed'] < 3]).startswith(OPEN)
  decided = sum(each in (HOLDS, NOT_HERE) for each in found) / len(found)
  assert decided == pytest.approx(2 / 70, abs=0.012)  # three standard errors


@pytest.mark.parametrize('measure', ['frechet_distance', 'inception_score', 'course', 'collapsed'])
def test_a_run_that_diverged_is_the_worst(measure):
  """It is not left out: the claim does not hold by the other seeds alone."""
  of_base = [_row(seed=seed, frechet_distance=1.0, inception_score=9.0) for seed in range(4)]
  diverged = {key: value for key, value in _row(seed=0).items() if key not in ('metrics', 'course')}
  leaky = [{**diverged, 'recipe': 'leaky', 'seed': seed, 'failure': 'Not finite'} for seed in range(4)]
  claim = BETTER._replace(measure=measure)
  assert judged(claim, of_base + leaky) == HOLDS
  assert judged(claim, [diverged, *of_base[1:], *_rows('leaky', [1.0] * 4)]) != HOLDS
  assert 'inf' not in in_words([claim], of_base + leaky)


def test_the_table_has_means_with_their_spread_beside_those_of_the_data():
  data = {
    'set': 'digits',
    'family': 'data',
    'recipe': '',
    'seed': 0,
    'versions': {},
    'metrics': METRICS,
    'features': 'f',
  }
  text = table([data, *_rows('base', [10.0, 20.0]), _row(GAN, 'sgd') | {'health': ['It has won.']}])
  assert '| data | training examples | - | 20 |' in text
  assert '| gan | `base` | 2 | 15.0 ± 7.1 |' in text
  assert '| 30.0 ± 0.0 | 0 of 2 | 1,234 | 2 | 0.50 |' in text
  assert '- `sgd`, seed 0: It has won.' in text
  assert '| Leaky ReLU hurts | not decided |' in text and 'On faces' not in text


def test_a_run_that_did_not_come_to_its_end_says_why():
  row = {
    key: value for key, value in _row(GAN, 'sgd').items() if key not in ('metrics', 'course', 'features')
  }
  text = table([_row(), row | {'failure': 'Not finite at step 3'}])
  assert '| gan | `sgd` | 1 | Not finite at step 3 |' in text


def test_what_is_there_is_not_made_again(monkeypatch, tmp_path):
  """Rows, the table and both pictures; the runs themselves are made up."""
  made = []

  def row(asked, name, family, recipe, seed):
    made.append((family, recipe, seed))
    found = _row(family, recipe, seed) | command._identified(name, family, recipe, seed, asked.steps)
    command._keep(folder(asked.runs, found), np.zeros((36, 8, 8, 1), 'u1'), tools)
    return found

  tools = measures.Instruments(measures.evaluate.reference_of(config_of('digits', GAN)), None, tmp_path)
  monkeypatch.setattr(command, '_row', row)
  monkeypatch.setattr(command, '_row_of_data', lambda asked, name: row(asked, name, 'data', '', 0))
  line = ['', '--recipes=base,generator_rate_x10', '--sets=digits', f'--runs={tmp_path / "runs"}']
  monkeypatch.setattr(sys, 'argv', [*line, f'--out={tmp_path}', '--seeds=1'])
  command.main()
  first = (tmp_path / 'results.jsonl').read_text()
  monkeypatch.setattr(sys, 'argv', [*line, f'--out={tmp_path}', '--seeds=2'])
  command.main()
  assert (tmp_path / 'results.jsonl').read_text().startswith(first)
  runs = [('gan', 'base'), ('vae', 'base'), ('gan', 'generator_rate_x10')]
  assert made == [*[(*run, 0) for run in runs], ('data', '', 0), *[(*run, 1) for run in runs]]
  assert len([json.loads(each) for each in (tmp_path / 'results.jsonl').read_text().splitlines()]) == 7
  assert all(Image.open(tmp_path / name).size[0] > 100 for name in ('samples.png', 'curves.png'))


@pytest.mark.parametrize(
  ('steps', 'changed'), [(8, {}), (4, {'generator_rate_x10': recipes.Recipe({'model.slope': 0.1}, None)})]
)
def test_a_row_of_another_length_or_of_another_recipe_is_another_row(monkeypatch, tmp_path, steps, changed):
  """Neither is it in the table of this one, nor in its folder."""
  recipe = 'generator_rate_x10'
  row = _row(GAN, recipe) | command._identified('digits', GAN, recipe, 0, 4)
  command._write(tmp_path, row)
  assert command._done(tmp_path, command._identified('digits', GAN, recipe, 0, 4))
  monkeypatch.setattr(recipes, 'RECIPES', RECIPES | changed)
  assert not command._done(tmp_path, command._identified('digits', GAN, recipe, 0, steps))
  command._conclude(argparse.Namespace(out=tmp_path, runs=tmp_path, steps=steps))
  assert f'| gan | `{recipe}` |' not in (tmp_path / 'results.md').read_text()
  assert folder(tmp_path, row) != folder(tmp_path, row | {'steps': 8})


@pytest.mark.parametrize(
  'error', [UserError('The disk is full.'), failure.Diverged('Not finite at step 3; it')]
)
def test_only_a_training_that_diverged_is_a_row_of_a_failure(monkeypatch, tmp_path, error):
  """What else goes wrong ends the command, and is tried again by the next."""

  def fail(config, workdir):
    raise error

  monkeypatch.setattr(command.row_by_row, 'train_quietly', fail)
  asked = argparse.Namespace(runs=tmp_path, steps=4)
  if isinstance(error, failure.Diverged):
    assert command._row(asked, 'digits', GAN, 'base', 0)['failure'] == 'Not finite at step 3'
  else:
    with pytest.raises(UserError, match='full'):
      command._row(asked, 'digits', GAN, 'base', 0)


@pytest.mark.slow
@pytest.mark.parametrize('family', [GAN, VAE])
def test_a_run_is_measured_at_its_moments(family, tmp_path, monkeypatch):
  """The networks are smaller ones than those that are compared."""
  monkeypatch.setattr(recipes, 'BASE', {GAN: ('gan_digits:smoke', {}), VAE: ('vae_digits:smoke', {})})
  monkeypatch.setattr(measures, 'SAMPLES', 100)
  asked = argparse.Namespace(runs=tmp_path, steps=4)
  row = command._row(asked, 'digits', family, 'base', 0)
  assert row['course']['step'] == [1, 2, 3, 4]
  assert np.isfinite(row['course']['frechet_distance']).all()
  assert np.isfinite(list(row['metrics'].values())).all()
  assert ('reconstruction_error' in row['metrics']) == (family == VAE)
  assert row['course']['frechet_distance'][-1] == row['metrics']['frechet_distance']
