import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import data, experiment, sample
from jaxgen.types import Conditioned, DataSpec
from tests import tiny_model
from tests.tiny_config import get_config


def test_interpolation_begins_and_ends_at_the_ends_and_stays_on_the_sphere():
  rng = np.random.RandomState(0)
  first, second = ({'a': rng.randn(3, 50), 'b': rng.randn(3, 5, 10)} for _ in range(2))
  between = sample.interpolate(first, second, 5)
  np.testing.assert_allclose(between['a'][:3], first['a'], atol=1e-5)
  np.testing.assert_allclose(between['b'][-3:], second['b'], atol=1e-5)
  flat = np.concatenate([between['a'].reshape(15, -1), between['b'].reshape(15, -1)], -1)
  norms = np.linalg.norm(flat, axis=-1).reshape(5, 3)
  assert (norms > 0.95 * norms[[0, -1]].min(0)).all()  # the straight line would come down to 0.7


def test_interpolation_between_equal_latents_is_no_nan():
  z = jnp.ones((2, 4))
  np.testing.assert_allclose(sample.interpolate(z, z, 3), np.ones((6, 4)), rtol=1e-3)


def test_interpolation_mixes_conditions_in_a_straight_line_and_leaves_equal_ones_as_they_are():
  z = np.random.RandomState(0).randn(2, 2, 30)
  labels = [np.eye(3, dtype=np.float32)[list(rows)] for rows in ((0, 1), (0, 2))]
  first, second = (Conditioned(*end) for end in zip(z, labels, strict=True))
  between = sample.interpolate(first, second, 3)
  middle = between.condition.reshape(3, 2, 3)[1]
  np.testing.assert_allclose(middle, [[1, 0, 0], [0, 0.5, 0.5]])
  np.testing.assert_array_equal(between.condition[::2], labels[0][[0, 0, 0]])  # both ends are of class 0
  np.testing.assert_allclose(between.latents, sample.interpolate(first.latents, second.latents, 3), rtol=1e-6)


def test_samples_are_written_with_their_labels_every_class_in_turn(tmp_path, monkeypatch):
  def draw(params, extra, rng, num, label=None):
    return jnp.broadcast_to(label[:, None, None, None], (num, 8, 8, 1)).astype(jnp.uint8)

  config = data.resolve(get_config('smoke'))
  model = tiny_model.build(config)._replace(sample=draw, given=('label',))
  state = experiment.first_state(model, config, {'x': np.zeros((8, 8, 8, 1), np.uint8)})
  monkeypatch.setattr(experiment, 'load', lambda *_: experiment.Trained(config, model, state))
  with np.load(sample.sample(tmp_path, num=12)['array']) as arrays:
    assert arrays['label'].tolist() == [*range(10), 0, 1]
    np.testing.assert_array_equal(arrays['x'][:, 0, 0, 0], arrays['label'])


def test_a_model_that_cannot_encode_is_told_so_when_it_shall_reconstruct():
  model = tiny_model.build(data.resolve(get_config('smoke')))._replace(encode=None)
  with pytest.raises(ValueError, match='reconstructs nothing'):
    sample.reconstructor(model)({}, {}, {})


def test_reconstructions_stand_beneath_their_originals():
  originals = np.zeros((16, 40, 40, 1), np.uint8)
  drawn = sample.side_by_side(originals, originals + 255, DataSpec((40, 40, 1), 256, 0))
  rows = drawn[20::42, 20]
  assert [int(row[0]) for row in rows] == [0, 255, 0, 255]
  assert drawn.shape[1] > 8 * 40
