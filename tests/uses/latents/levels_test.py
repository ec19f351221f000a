"""What each level of a hierarchy of latents holds."""

import jax.numpy as jnp
import numpy as np

from jaxgen import uses
from tests.uses.conftest import IMAGES, labelled


def test_level_by_level_an_example_becomes_a_draw_of_the_prior(make, tmp_path, monkeypatch):
  """Latents are the rows of the image: one in the lowest level, three in the next, four in the top."""
  seen = []
  make(
    latents=lambda params, extra, rng, num: {
      'z': jnp.full((num, 8, 8, 1), 16.0)
    },  # white, which no example is
    levels=(8, 24, 32),
  )
  monkeypatch.setattr(uses.Subject, 'picture', lambda self, x, columns: seen.append(x) or x[0].repeat(3, -1))
  uses.use(tmp_path, options=uses.Options(use=('levels',)))
  (shown,) = seen
  x = shown.reshape(3, 4, 9, 8, 8)  # examples, rows, an example and eight draws
  truth = labelled(40, IMAGES, 2)['x'][:3, None, ..., 0]
  np.testing.assert_array_equal(x[:, :, 0], np.broadcast_to(truth, (3, 4, 8, 8)))
  drawn = [0, 1, 4, 8]  # rows of the image that are drawn, in each row of a block
  for row, rows in enumerate(drawn):
    assert (x[:, row, 1:, :rows] == 16).all()
    np.testing.assert_array_equal(x[:, row, 1:, rows:], np.repeat(truth, 8, axis=1)[:, :, rows:])
