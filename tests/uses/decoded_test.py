"""Samples of codes are decoded by the stage `decoder`, with what it needs besides."""

import numpy as np
import pytest

from jaxgen import data, uses
from jaxgen.errors import UserError
from jaxgen.types import Field, Stage
from tests.tiny_config import get_config
from tests.uses.conftest import IMAGES, model_of

CODES = {'x': Field('tokens', (4,), 10), 'label': Field('label', (), 10)}


def decoder(given=(), **changes):
  """Decodes codes [B, 2, 2] to images that are their first code everywhere."""

  def decode(params, extra, latents, given=None):
    assert latents.shape[1:] == (2, 2)
    value = latents[:, :1, :1] if given is None else given['label'].reshape(-1, 1, 1)
    return np.ones((1, 8, 8, 1), np.uint8) * value[..., None].astype(np.uint8)

  model = model_of(IMAGES, given, codes=Field('tokens', (2, 2), 10), **{'decode': decode} | changes)
  return Stage('runs/vqvae', data.resolved(get_config(), IMAGES), model, {}, {}, 1, 'abc')


def use(make, tmp_path, stage, given=('label',)):
  make(CODES, given)
  make.trained = make.trained._replace(stages={'decoder': stage} if stage else {})
  return uses.use(tmp_path, options=uses.Options(use=('samples', 'decoded'), num=5))


@pytest.mark.parametrize('needed', [(), ('label',)])
def test_what_is_decoded_are_the_samples(make, tmp_path, needed):
  written = use(make, tmp_path, decoder(needed))
  with np.load(written['samples.npz']) as codes, np.load(written['decoded.npz']) as decoded:
    assert (decoded['kind'], decoded['levels'], decoded['x'].shape) == ('image', 17, (5, 8, 8, 1))
    expected = codes['label'] if needed else codes['x'][:, 0]
    np.testing.assert_array_equal(decoded['x'], np.broadcast_to(expected.reshape(5, 1, 1, 1), (5, 8, 8, 1)))
    np.testing.assert_array_equal(decoded['label'], codes['label'])
  assert written['decoded.png'].exists()


@pytest.mark.parametrize(
  ('stage', 'given'),
  [(None, ()), (decoder(decode=None), ()), (decoder(('label',)), ())],
  ids=['none', 'no decode', 'no label'],
)
def test_without_a_decoder_or_what_it_needs_it_is_no_use(make, tmp_path, stage, given):
  with pytest.raises(UserError, match='--use=decoded needs a stage decoder'):
    use(make, tmp_path, stage, given)
