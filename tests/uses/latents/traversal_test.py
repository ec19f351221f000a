"""One latent at a time: which ones, and the way there and back."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageSequence

from jaxgen import uses
from jaxgen.types import Field

KL = np.linspace(0.0, 6.3, 64)


def of_latents(params, extra, rng, batch):
  return {'loss': jnp.zeros(len(batch['x'])), 'kl_per_latent': jnp.tile(KL, (len(batch['x']), 1))}


@pytest.fixture
def record(make, tmp_path):
  def record(**changes):
    make(**changes)
    return json.loads(
      uses.use(tmp_path, options=uses.Options(use=('traversal',)))['traversal.json'].read_text()
    )

  return record


def test_latents_are_ordered_by_their_kl_where_the_model_knows_it(record):
  found = record(evaluate=of_latents)
  assert (found['ordered_by'], found['latents']) == ('kl', list(range(63, 55, -1)))
  np.testing.assert_allclose(found['kl'], KL[:-9:-1], rtol=1e-6)
  assert found['files'] == ['traversal.png', 'traversal.gif']
  assert len(found['std']) == 8


def test_and_by_their_spread_where_it_does_not(record):
  scale = np.linspace(1.0, 2.0, 64).reshape(8, 8, 1)
  found = record(encode=lambda params, extra, rng, batch: {'z': batch['x'] * scale})
  assert (found['ordered_by'], found['latents']) == ('std', list(range(63, 55, -1)))
  assert 'kl' not in found


def test_the_gif_goes_there_and_back(make, tmp_path):
  """The first four latents fill quarters of the image, so that each frame says where they are."""
  spec = {'x': Field('image', (4, 4, 1), 256)}
  decode = lambda params, extra, latents, given=None: jnp.clip(  # noqa: E731
    128 + 50 * latents['z'], 0, 255
  ).astype('uint8')
  prior = lambda params, extra, rng, num: {'z': jnp.linspace(-1, 1, num * 16).reshape(num, 4, 4, 1)}  # noqa: E731
  make(spec, encode=None, decode=decode, latents=prior)
  written = uses.use(tmp_path, options=uses.Options(use=('traversal',)))
  with Image.open(written['traversal.gif']) as gif:
    frames = [np.asarray(frame.convert('L'), np.float32) for frame in ImageSequence.Iterator(gif)]
  assert len(frames) == 33
  for there, back in zip(frames, frames[::-1], strict=True):
    np.testing.assert_allclose(there, back, atol=2)
  means = [frame.mean() for frame in frames[:17]]
  assert (np.diff(means) > 0).all()  # each latent brightens
