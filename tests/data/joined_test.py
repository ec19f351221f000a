"""Two sources side by side: pairs, domains, and twins of images."""

import jax
import numpy as np
import pytest

from jaxgen import data, parallel, train
from jaxgen.data.joined import Joined
from jaxgen.data.source import from_arrays
from jaxgen.data.transformations import twins
from jaxgen.errors import UserError
from jaxgen.types import Field
from tests.tiny_config import get_config


def numbers(name, start, size):
  x = np.arange(start, start + size, dtype=np.float32)[:, None]
  return from_arrays(name, {'x': Field('vector', (1,), 0)}, {'x': x})


@pytest.fixture(scope='module')
def domains():
  """Thirty numbers from 0 and twenty from 100."""
  return Joined('two', numbers('x', 0, 30), numbers('y', 100, 20), paired=False)


def test_each_domain_has_epochs_of_its_own(domains):
  steps = [domains.examples(domains.indices(0, step, 10)) for step in range(6)]
  for name, start, size in (('x', 0, 30), ('y', 100, 20)):
    seen = np.concatenate([step[name] for step in steps])[:, 0].reshape(-1, size)
    for epoch in seen:
      assert sorted(epoch) == list(range(start, start + size))
  alike = Joined('same', numbers('x', 0, 30), numbers('y', 0, 30), paired=False)
  indices = alike.indices(0, 0, 30)
  assert sorted(indices['x']) == sorted(indices['y']) and (indices['x'] != indices['y']).any()


def test_pairs_have_one_order():
  source = Joined('pairs', numbers('x', 0, 30), numbers('y', 0, 30), paired=True)
  batch = source.examples(source.indices(3, 5, 8))
  np.testing.assert_array_equal(batch['x'], batch['y'])
  np.testing.assert_array_equal(source.indices(3, 5, 8), data.batch_indices(3, 5, 30, 8))


def test_evaluation_goes_through_x_and_takes_y_round(domains):
  batches = [batch for batch, mask in data.eval_batches(domains, 10)]
  x, y = (np.concatenate([batch[name] for batch in batches])[:, 0] for name in 'xy')
  assert x.tolist() == list(range(30))
  assert y.tolist() == [*range(100, 120), *range(100, 110)]


def test_processes_read_their_share_of_both(domains):
  parts = [list(data.batches(domains, 0, 0, 3, 12, process, 3)) for process in range(3)]
  for step, slices in enumerate(zip(*parts, strict=True)):
    whole = domains.examples(domains.indices(0, step, 12))
    for name in 'xy':
      np.testing.assert_array_equal(np.concatenate([part[name] for part in slices]), whole[name])


def test_a_step_picks_from_resident_arrays_what_the_source_gives(domains):
  def step(state, rng, batch):
    return state, batch

  resident = domains.resident()
  assert {name: len(array) for name, array in resident.items()} == {'x': 30, 'y': 20}
  assert {name: (array.shape, array.dtype) for name, array in resident.items()} == domains.layout()
  run = parallel.data_parallel(step, 'jit')
  state = parallel.initial_state({}, {}, {}, jax.random.key(0))
  indices = [domains.indices(0, number, 4) for number in range(3)]
  stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *indices)
  _, picked = run(state, stacked, resident)
  for number, places in enumerate(indices):
    for name, value in domains.examples(places).items():
      np.testing.assert_array_equal(picked[name][number], value)


@pytest.mark.parametrize('paired', [True, False])
def test_an_unpaired_set_is_trained_alike_resident_and_streamed(tmp_path, monkeypatch, paired):
  config = get_config('smoke')
  config.data.update(dict(twin=('inverted', 'rotated'), paired=paired))
  config.update(dict(eval_every=0, sample_every=0))
  states = [train.train(config, tmp_path / 'resident')]
  monkeypatch.setattr('jaxgen.data.source.RESIDENT_BYTES', 0)
  states.append(train.train(config, tmp_path / 'streamed'))
  np.testing.assert_array_equal(*(state.params['logits'] for state in states))


X = np.array([[[0, 1, 2], [3, 4, 5]], [[5, 5, 5], [0, 0, 16]]], np.uint8)[..., None]


@pytest.mark.parametrize(
  ('names', 'expected'),
  [
    (('inverted',), [[[16, 15, 14], [13, 12, 11]], [[11, 11, 11], [16, 16, 0]]]),
    (('rotated',), [[[2, 5], [1, 4], [0, 3]], [[5, 16], [5, 0], [5, 0]]]),
    (('downsampled',), [[[2]], [[2]]]),  # 2.0 and 2.5, to even
    (('inverted', 'rotated'), [[[14, 11], [15, 12], [16, 13]], [[11, 0], [11, 16], [11, 16]]]),
  ],
)
def test_twins_by_hand(names, expected):
  found = twins.transformed(X, names, 17)
  assert found.dtype == np.uint8
  np.testing.assert_array_equal(found[..., 0], expected)


@pytest.mark.parametrize('paired', [True, False])
def test_at_one_place_there_are_an_image_and_its_twin(settings, paired):
  config = settings('digits', validation=0.1, twin=('downsampled',), paired=paired)
  for split in ('train', 'validation', 'test'):
    source = data.load(config, split)
    assert source.spec['y'] == Field('image', (4, 4, 1), 17)
    both = source.examples(np.arange(20))
    np.testing.assert_array_equal(both['y'], twins.transformed(both['x'], ('downsampled',), 17))
    plain = data.load(settings('digits', validation=0.1), split).examples(np.arange(20))
    for name, value in plain.items():
      np.testing.assert_array_equal(both[name], value)
  batch = source.examples(source.indices(0, 0, 50))
  same = (batch['y'] == twins.transformed(batch['x'], ('downsampled',), 17)).all((1, 2, 3))
  assert same.all() == paired and same.mean() in (1.0, pytest.approx(0, abs=0.1))


@pytest.mark.parametrize(
  ('kind', 'names', 'sentence'),
  [
    ('pairs', ('a/1.png', 'a/2.png', 'b/1.png', 'b/2.png', 'b/3.png'), '3.png has no partner of that name in .*/a'),
    ('pairs', ('a/1.png', 'a/2.png'), 'must hold two sub-folders .* there are: a'),
    ('domains', ('a/1.png', 'b/1.png', 'c/1.png'), 'must hold two sub-folders .* there are: a, b, c'),
    ('domains', ('a/1.png', 'a/2.png', 'b/1.png'), 'There is only one image in .*/b'),
    ('pairs', (), 'there are: none'),
  ],
)  # fmt: skip
def test_folders_that_hold_no_pairs(tmp_path, settings, write_image, pixels, kind, names, sentence):
  for name in names:
    write_image(tmp_path / name, pixels(1, 4, 4)[0])
  with pytest.raises(UserError, match=sentence):
    data.load(settings(f'{kind}:{tmp_path}'), 'train')
  with pytest.raises(UserError, match='There is no folder'):
    data.load(settings(f'{kind}:{tmp_path}/none'), 'train')


def test_pairs_stay_pairs_in_every_split(tmp_path, settings, write_image):
  for index in range(40):
    grey = np.full((4, 4, 1), index, np.uint8)
    write_image(tmp_path / 'photo' / f'{index:02}.png', grey)
    write_image(tmp_path / 'sketch' / f'{index:02}.png', 255 - grey)
  seen = []
  for split in ('train', 'validation', 'test'):
    found = data.load(settings(f'pairs:{tmp_path}', validation=0.2), split).resident()
    np.testing.assert_array_equal(found['y'], 255 - found['x'])
    seen += found['x'][:, 0, 0, 0].tolist()
  assert sorted(seen) == list(range(40))


@pytest.mark.parametrize(
  ('changes', 'sentence'),
  [
    ({'twin': ('downsampled',) * 4}, 'cannot be downsampled so often'),
    ({'name': 'toy:rings', 'twin': ('inverted',)}, 'holds vector data'),
  ],
)
def test_twins_that_there_are_not(settings, changes, sentence):
  with pytest.raises(UserError, match=sentence):
    data.load(settings(**{'name': 'digits', **changes}), 'train')
