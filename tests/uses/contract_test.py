"""One contract over all uses: each is done by a model that has the abilities, on every kind of data that it suits."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgen import data, uses
from jaxgen.errors import UserError
from jaxgen.types import Field
from jaxgen.uses import catalogue
from tests.uses.conftest import IMAGES, labelled

LABEL = {'label': Field('label', (), 10)}
SPECS = {
  'images': IMAGES,
  'classes': IMAGES,
  'colours': {'x': Field('image', (6, 4, 3), 256), **LABEL},
  'vectors': {'x': Field('vector', (3,), 0), **LABEL},
  'plane': {'x': Field('vector', (2,), 0), **LABEL},
  'gaps': {'x': Field('table', (3,), 0), 'observed': Field('mask', (3,), 2), **LABEL},
  'tokens': {'x': Field('tokens', (12,), 256), **LABEL},
  'sounds': {'x': Field('audio', (300, 1), 256), **LABEL},
  'two images': {'x': Field('image', (8, 8, 1), 17), 'y': Field('image', (4, 4, 1), 17), **LABEL},
  'two domains': {'x': Field('image', (8, 8, 1), 17), 'y': Field('image', (8, 8, 1), 17), **LABEL},
}
GIVEN = {'classes': (), 'two images': ('y', 'label'), 'two domains': ()}
CHANGES = {
  'plane': dict(
    score=lambda params, extra, x, sigma, given: -x / sigma[:, None] ** 2, noise_range=(4.0, 0.1)
  ),
  'gaps': dict(
    impute=lambda params, extra, rng, batch, observed: jnp.where(batch['observed'] != 0, batch['x'], 0)
  ),
  'two domains': dict(
    encode=lambda params, extra, rng, batch: 16 - batch['x'],
    decode=lambda params, extra, latents, given=None: 16 - latents,
  ),
}
DRAWN = ('samples', 'trajectory', 'export')  # by the knobs of the model, and translations of what is given
ROWS = [(kind, use) for kind in SPECS for use in uses.USES]


@pytest.mark.parametrize(('kind', 'use'), ROWS)
def test_a_use_leaves_what_it_says(make, tmp_path, kind, use):
  options = uses.Options(use=(use,), num=5, seed=3)
  subject = make(SPECS[kind], GIVEN.get(kind, ('label',)), options, without=(3,), **CHANGES.get(kind, {}))
  if not uses.USES[use].needs <= catalogue.abilities(subject):
    with pytest.raises(UserError, match=f'--use={use} needs .*; this model on its data allows: samples'):
      uses.use(tmp_path, options=options)
    return
  written = uses.use(tmp_path, options=options)
  assert all(path.exists() for path in written.values())
  record = json.loads(written[f'{use}.json'].read_text())
  assert (record['use'], record['step'], record['seed'], record['weights']) == (use, 0, 3, 'raw')
  assert set(record['files']) | {f'{use}.json'} == set(written)
  turned = use in DRAWN or (use, kind) == ('translation', 'two images')
  assert record['knobs'] == ({'temperature': 1.0, 'steps': 3} if turned else {})
  for path in written.values():
    if path.suffix == '.png':
      with Image.open(path) as image:
        assert len(np.unique(np.asarray(image))) > 1
  assert not [path for path in (tmp_path / 'sampled').iterdir() if path.name.startswith('.')]


def test_every_use_is_done_by_some_row(make):
  done = set()
  for kind, spec in SPECS.items():
    subject = make(spec, GIVEN.get(kind, ('label',)), without=(3,), **CHANGES.get(kind, {}))
    done |= {name for name, use in uses.USES.items() if use.needs <= catalogue.abilities(subject)}
  assert done == uses.USES.keys() - {'decoded'}  # which needs another run: see decoded_test.py


def test_by_default_all_is_done_that_applies_and_is_looked_at(make, tmp_path, capsys):
  make(given=('label',), without=(3,))
  written = uses.use(tmp_path, options=uses.Options(num=4))
  done = {name.removesuffix('.json') for name in written if name.endswith('.json')}
  assert done == uses.USES.keys() - {
    'decoded',
    'score_field',
    'imputation',
    'attributes',
    'translation',
    'export',
    'codes',
  }
  out = capsys.readouterr().out
  assert 'translation    left out: it needs an image that is given, or two domains' in out
  assert all(str(path) in out for name, path in written.items() if not name.endswith('.json'))


def test_a_use_without_what_it_needs_says_so(make):
  subject = make(trajectory=None)
  with pytest.raises(ValueError, match='lacks an ability that this use needs'):
    uses.USES['trajectory'].run(subject)


@pytest.mark.parametrize(
  ('use', 'test', 'sentence'),
  [
    (
      'interpolation',
      labelled(1, IMAGES),
      'an interpolation needs two examples, and the split "test" has one',
    ),
    ('anomaly', labelled(1, IMAGES), 'both groups, and the split "test" has none of the classes in config'),
  ],
)
def test_a_split_that_is_too_small_is_said_and_the_other_uses_are_done(
  make, tmp_path, capsys, use, test, sentence
):
  make(without=(3,), arrays={'train': labelled(60, IMAGES), 'test': test})
  with pytest.raises(UserError, match=sentence):
    uses.use(tmp_path, options=uses.Options(use=(use,)))
  written = uses.use(tmp_path)
  assert f'{use}.json' not in written
  assert {'samples.json', 'completion.json'} <= written.keys()
  assert sentence in capsys.readouterr().out


@pytest.mark.parametrize(
  ('use', 'option', 'sentence'),
  [
    (
      'completion',
      dict(knobs={'temperature': '2'}),
      '--knobs.temperature changes nothing of completion; it is of --use=samples, decoded, trajectory, export',
    ),
    (
      'classification',
      dict(given={'label': '3'}),
      '--given changes nothing of classification; it is of --use=samples',
    ),
    ('samples', dict(form='folder'), '--form changes nothing of samples; it is of --use=export'),
  ],
)
def test_an_option_that_would_change_nothing_is_refused(make, tmp_path, use, option, sentence):
  make(given=('label',))
  with pytest.raises(UserError, match=sentence):
    uses.use(tmp_path, options=uses.Options(use=(use,), **option))
  assert not (tmp_path / 'sampled').exists()


def test_latents_that_are_no_examples_of_the_other_domain_translate_nothing(make, tmp_path):
  make(SPECS['two domains'])
  assert 'translation.json' not in uses.use(tmp_path)
  with pytest.raises(UserError, match='--use=translation needs an image that is given, or two domains'):
    uses.use(tmp_path, options=uses.Options(use=('translation',)))


def test_same_seed_same_files_and_another_seed_others(make, tmp_path):
  make(given=('label',))
  found = []
  for seed in (5, 5, 6):
    path = uses.use(tmp_path, options=uses.Options(use=('samples',), num=50, seed=seed))['samples.npz']
    with np.load(path) as arrays:
      found.append(arrays['x'])
  np.testing.assert_array_equal(found[0], found[1])
  assert (found[0] != found[2]).any()


@pytest.mark.parametrize('spec', [IMAGES, SPECS['vectors']], ids=['images', 'vectors'])
def test_without_its_data_a_run_is_used_for_what_needs_none(make, tmp_path, monkeypatch, capsys, spec):
  make(spec)

  def gone(config, split):
    raise UserError('There is no folder /gone.')

  monkeypatch.setattr(data, 'load', gone)
  written = uses.use(tmp_path, options=uses.Options(num=4))
  assert {name for name in written if name.endswith('.json')} == {'samples.json', 'trajectory.json'}
  assert 'reconstruction left out: There is no folder /gone.\n' in capsys.readouterr().out
  with pytest.raises(UserError, match='There is no folder /gone'):
    uses.use(tmp_path, options=uses.Options(use=('samples', 'reconstruction')))
  make(spec, sample=None, trajectory=None, knobs={})
  monkeypatch.setattr(data, 'load', gone)
  with pytest.raises(UserError, match='There is no folder /gone'):
    uses.use(tmp_path)  # nothing is left to be done
