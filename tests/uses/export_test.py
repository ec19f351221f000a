"""Samples and codes as data: what is written is read by the data layer."""

import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict
from PIL import Image

from jaxgen import data, experiment, uses
from jaxgen.config_keys import DATA, default_values
from jaxgen.errors import UserError
from jaxgen.types import Field
from jaxgen.updates import EmaState
from jaxgen.uses import export
from tests.uses.conftest import IMAGES

_load = data.load  # the fixture `make` replaces it


def as_data(path, kind='npz'):
  return _load(ConfigDict({**default_values(DATA), 'name': f'{kind}:{path}', 'validation': 0.0}), 'train')


def test_an_archive_of_samples_is_data(make, tmp_path):
  make(given=('label',))
  path = uses.use(tmp_path, options=uses.Options(use=('export',), num=250))['export.npz']
  source = as_data(path)
  assert source.spec == IMAGES
  assert len(source) == 225  # the rest is its test split
  batch = source.examples(np.arange(225))
  np.testing.assert_array_equal(batch['x'][:, 0, 0, 0], batch['label'])
  with np.load(path) as arrays:
    assert len(arrays['x']) == len(arrays['label']) == 250
    assert len(np.unique(arrays['x'][:100], axis=0)) > 1


def test_parts_are_drawn_with_keys_of_their_own_and_labels_go_on_in_turn(make, tmp_path):
  make(given=('label',), sample=lambda params, extra, rng, num, given=None: _noise(rng, num), knobs={})
  options = uses.Options(use=('export',), num=203, given={'label': '0,1,2'})
  with np.load(uses.use(tmp_path, options=options)['export.npz']) as arrays:
    assert arrays['label'].tolist() == [index % 3 for index in range(203)]
    assert (arrays['x'][:100] != arrays['x'][100:200]).any()


def _noise(rng, num):
  return jnp.asarray(jnp.round(16 * jnp.abs(jnp.sin(rng_values(rng, num)))), jnp.uint8)


def rng_values(rng, num):
  import jax

  return jax.random.normal(rng, (num, 8, 8, 1))


def test_a_folder_has_an_image_per_sample_below_its_label(make, tmp_path):
  make(given=('label',))
  options = uses.Options(use=('export',), num=130, form='folder', given={'label': '5,8'})
  path = uses.use(tmp_path, options=options)['export']
  assert sorted(part.name for part in path.iterdir()) == ['5', '8']
  assert len(list(path.rglob('*.png'))) == 130
  with Image.open(next(path.glob('8/*.png'))) as image:
    assert np.asarray(image).tolist() == [[round(8 * 255 / 16)] * 8] * 8
  assert as_data(path, 'folder').spec['label'].levels == 2


def test_labels_of_a_folder_are_the_same_when_it_is_read_again(make, tmp_path):
  """Sub-folders are classes in the order of their names, in which 10 would come before 2."""
  spec = {'x': Field('image', (8, 8, 1), 17), 'label': Field('label', (), 12)}
  make(spec, ('label',))
  options = uses.Options(
    use=('export',), num=240, form='folder', given={'label': ','.join(map(str, range(12)))}
  )
  source = as_data(uses.use(tmp_path, options=options)['export'], 'folder')
  batch = source.examples(np.arange(len(source)))
  np.testing.assert_array_equal(np.rint(batch['x'][:, 0, 0, 0] / 255 * 16), batch['label'])


def test_an_export_is_whole_or_not_at_all(make, tmp_path, monkeypatch):
  make()
  for form, name in (('npz', 'export.npz'), ('folder', 'export')):
    options = uses.Options(use=('export',), num=230, form=form)
    before = uses.use(tmp_path, options=options)[name].stat().st_mtime_ns
    samples = export._samples

    def broken(subject, samples=samples):
      for index, x in enumerate(samples(subject)):
        if index == 2:
          raise OSError('no such luck')
        yield x

    monkeypatch.setattr(export, '_samples', broken)
    with pytest.raises(OSError, match='luck'):
      uses.use(tmp_path, options=options)
    monkeypatch.setattr(export, '_samples', samples)
    assert (tmp_path / 'sampled' / name).stat().st_mtime_ns == before
    assert not list((tmp_path / 'sampled').glob('.*'))


def test_a_folder_of_what_are_no_images_is_refused(make, tmp_path):
  make({'x': Field('vector', (3,), 0)})
  with pytest.raises(UserError, match='--form=folder is for images .* export them as npz'):
    uses.use(tmp_path, options=uses.Options(use=('export',), form='folder'))


def test_codes_of_a_split_are_vectors_with_the_labels_of_their_examples(make, tmp_path):
  make(given=('label',))
  source = as_data(uses.use(tmp_path, options=uses.Options(use=('codes',)))['codes_train.npz'])
  assert source.spec == {'x': Field('vector', (64,), 0), 'label': Field('label', (), 10)}
  batch = source.examples(np.arange(len(source)))
  np.testing.assert_array_equal(batch['x'][:, 0], batch['label'])
  assert len(source) == 54
  assert set(uses.use(tmp_path, options=uses.Options(use=('codes',), split='test'))) == {
    'codes_test.npz',
    'codes.json',
  }


def test_codes_of_a_codebook_are_tokens(make, tmp_path):
  codes = Field('tokens', (2, 2), 300)
  make(codes=codes, encode=lambda params, extra, rng, batch: batch['x'][:, :2, :2, 0].astype(jnp.int32) + 290)
  source = as_data(uses.use(tmp_path, options=uses.Options(use=('codes',)))['codes_train.npz'])
  assert source.spec['x'] == codes


def test_codes_say_of_which_weights_they_are(make, tmp_path):
  """Those of a stage, unless they are of raw weights, with which no stage of a run with an average computes."""

  def said(**options):
    with np.load(
      uses.use(tmp_path, options=uses.Options(use=('codes',), **options))['codes_train.npz']
    ) as npz:
      return npz['weights_sha256'].item()

  make()
  assert said() == said(weights='raw') == experiment.checksum(make.trained)  # there is no average
  average = EmaState(jnp.ones((), jnp.int32), {'w': jnp.ones(1)})
  make.trained = make.trained._replace(state=make.trained.state._replace(opt=average))
  assert said() == said(weights='averaged') == experiment.checksum(make.trained)
  assert said(weights='raw') != said()
