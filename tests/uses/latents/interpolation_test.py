import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import uses
from jaxgen.data.vocabulary import Vocabulary
from jaxgen.types import Field
from jaxgen.uses.latents.interpolation import interpolate
from tests.uses.conftest import IMAGES, labelled


def test_interpolation_begins_and_ends_at_the_ends_and_stays_on_the_sphere():
  rng = np.random.RandomState(0)
  first, second = ({'a': rng.randn(3, 50), 'b': rng.randn(3, 5, 10)} for _ in range(2))
  between = interpolate(first, second, 5)
  np.testing.assert_allclose(between['a'][:3], first['a'], atol=1e-5)
  np.testing.assert_allclose(between['b'][-3:], second['b'], atol=1e-5)
  flat = np.concatenate([between['a'].reshape(15, -1), between['b'].reshape(15, -1)], -1)
  norms = np.linalg.norm(flat, axis=-1).reshape(5, 3)
  assert (norms > 0.95 * norms[[0, -1]].min(0)).all()  # the straight line would come down to 0.7


def test_interpolation_between_equal_latents_is_no_nan():
  z = jnp.ones((2, 4))
  np.testing.assert_allclose(interpolate(z, z, 3), np.ones((6, 4)), rtol=1e-3)


def test_between_opposite_latents_the_way_is_straight():
  np.testing.assert_allclose(
    interpolate(np.ones((1, 1)), np.full((1, 1), -0.5), 5)[:, 0], np.linspace(1, -0.5, 5)
  )
  ends = [
    np.array([[1.0, 0.0], [1.0, 0.0]]),
    np.array([[-1.0, 0.1], [0.0, 2.0]]),
  ]  # the second pair is at right angles
  middle = interpolate(*ends, 3)[2:4]
  np.testing.assert_allclose(middle, [[0.0, 0.05], [0.5**0.5, 2**0.5]], atol=1e-6)


@pytest.mark.parametrize('use', ['interpolation', 'traversal'])
@pytest.mark.parametrize('changes', [{}, {'encode': None}], ids=['examples', 'draws of the prior'])
def test_the_condition_stays(make, tmp_path, use, changes):
  """Along each way and for each latent all pictures are of one label, with an encoder that of the first example."""
  seen = []

  def decode(params, extra, latents, given=None):
    jax.debug.callback(lambda label: seen.append(np.asarray(label)), given['label'])
    return jnp.zeros((len(given['label']), 8, 8, 1), jnp.uint8)

  make(given=('label',), decode=decode, **changes)
  uses.use(tmp_path, options=uses.Options(use=(use,)))
  jax.effects_barrier()
  labels = seen[0].reshape(10, 8) if use == 'interpolation' else seen[0].reshape(-1, 1)
  assert (labels == labels[0]).all()
  if not changes:
    np.testing.assert_array_equal(labels[0], labelled(40, IMAGES, 2)['label'][: labels.shape[1]])


def test_of_text_what_lies_between_two_sentences_is_printed_and_kept(make, tmp_path, capsys):
  vocabulary = Vocabulary('characters', 10, '\nbcdefghi')
  make({'x': Field('tokens', (4,), 10)}, vocabulary=vocabulary)
  written = uses.use(tmp_path, options=uses.Options(use=('interpolation',)))
  text = written['interpolation.txt'].read_text(encoding='utf-8')
  parts = [part.split('---\n')[1].strip('\n') for part in text.split('--- ')[1:]]
  examples = labelled(40, {'x': Field('tokens', (4,), 10)}, 2)['x'][:16]
  spelt = [vocabulary.decode(row).rstrip('\n') for row in examples]
  assert len(parts) == 80
  assert (
    parts[0::10] == spelt[:8] and parts[9::10] == spelt[8:]
  )  # as they are filled up, without what fills them
  assert text[:60] in capsys.readouterr().out
