"""A chain of priors: which runs fit one another, and that what is drawn goes from the top to the image."""

import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import bottom_codes_mnist, top_codes_mnist, vqvae2_mnist
from jaxgen import experiment, fields, train, uses
from jaxgen.errors import UserError
from jaxgen.models.autoregressive.lower_codes_prior import build
from jaxgen.types import Field, GenerativeModel, Stage, Update

TOP, BOTTOM, LABEL = Field('tokens', (1, 2), 4), Field('tokens', (2, 3), 5), Field('label', (), 3)


def _stage(workdir, sha256='abc', config=None, **model):
  made = GenerativeModel(lambda: None, Update(lambda: None, lambda: None), dict, None, 'loss', **model)
  return Stage(workdir, config or ConfigDict(), made, {}, {}, 1, sha256)


def _stages(codes=None, of='abc', draws=TOP, given=()):
  above = ConfigDict({'data': {'weights_sha256': of, 'fields': fields.to_dict({'x': draws, 'label': LABEL})}})
  codes = {'top': TOP, 'bottom': BOTTOM} if codes is None else codes
  return {
    'decoder': _stage('runs/vqvae2', codes=codes),
    'above': _stage('runs/top', 'def', above, given=given),
  }


def _config(given=('label', 'top')):
  config = bottom_codes_mnist.get_config('smoke')
  config.data.fields = fields.to_dict({'x': BOTTOM, 'top': TOP, 'label': LABEL})
  config.given = given
  return config


def test_codes_that_fit_are_a_model_of_the_lower_given_the_upper_ones():
  assert build(_config(), _stages(given=('label',))).given == ('label', 'top')


@pytest.mark.parametrize(
  ('config', 'stages', 'message'),
  [
    (
      _config(),
      _stages(of='0123456789'),
      r'above \(runs/top\) draws codes of 01234567, and not the top codes of abc',
    ),
    (_config(), _stages(of=''), 'draws codes of no run, and not the top codes'),
    (_config(), _stages(draws=BOTTOM), 'and not the top codes of abc, the stage decoder'),
    (_config(('label',)), _stages(), 'must name one level of codes .* besides x: top, bottom'),
    (_config(), _stages(codes=BOTTOM), 'besides x: it has none'),
    (
      _config(('top',)),
      _stages(given=('label',)),
      r'above \(runs/top\) is given label, and this run is not; add it',
    ),
  ],
)
def test_runs_that_are_not_of_one_codebook_are_refused(config, stages, message):
  with pytest.raises(UserError, match=message):
    build(config, stages)


@pytest.mark.slow
def test_from_images_to_two_levels_of_codes_to_two_priors_to_images(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)

  def trained(config, folder, **changes):
    config = config.get_config('smoke')
    config.update(dict(eval_every=0, sample_every=0))
    config.data.name = changes.get('data', config.data.name)
    train.train(config, f'runs/{folder}')

  trained(vqvae2_mnist, 'vqvae2_mnist', data='digits')
  written = uses.use('runs/vqvae2_mnist', options=uses.Options(use=('codes',)))
  with np.load(written['codes_train_bottom.npz']) as lower, np.load(written['codes_train_top.npz']) as upper:
    np.testing.assert_array_equal(lower['top'], upper['x'])
    np.testing.assert_array_equal(lower['label'], upper['label'])
    assert 'bottom' not in upper
  trained(top_codes_mnist, 'top_codes_mnist')
  trained(bottom_codes_mnist, 'bottom_codes_mnist')
  with pytest.raises(UserError, match='--use=decoded needs a stage decoder'):
    uses.use('runs/top_codes_mnist', options=uses.Options(use=('decoded',)))
  asked = uses.Options(use=('decoded',), num=6, given={'label': '3'})
  written = uses.use('runs/bottom_codes_mnist', options=asked)
  top = experiment.load('runs/top_codes_mnist')
  with np.load(written['decoded.npz']) as decoded:
    params, extra = top.weights()['averaged']
    drawn = uses.samples.sampler(top.model, 6, top.config.seed)(params, extra, {'label': np.full(6, 3)})
    np.testing.assert_array_equal(decoded['top'], drawn)
    assert (decoded['label'] == 3).all() and decoded['x'].shape == (6, 8, 8, 1)
