import pytest

from jaxgen import config, data, fields
from jaxgen.errors import UserError
from jaxgen.types import Field


def test_resolve_fills_a_copy():
  given = config.defaults().lock()
  found = data.resolve(given)
  assert fields.of(found) == {'x': Field('image', (8, 8, 1), 17), 'label': Field('label', (), 10)}
  assert 'fields' not in given.data
  assert found.is_locked
  assert found.seed == given.seed


def test_resolve_after_resizing():
  given = config.defaults()
  given.data.image_size = 12
  assert data.resolve(given).data.fields.x.shape == (12, 12, 1)


def test_resolve_twice():
  once = data.resolve(config.defaults())
  assert data.resolve(once).to_dict() == once.to_dict()


@pytest.mark.parametrize(
  ('name', 'hint'),
  [
    ('digit', 'did you mean "digits"'),
    ('digits:8', 'digits'),
    ('tfd:mnist', 'did you mean "tfds:mnist"'),
    ('cifar10', 'did you mean "tfds:cifar10"'),
    ('two_moons', 'did you mean "toy:two_moons"'),
    ('mine.npz', 'did you mean "npz:mine.npz"'),
    ('/', 'did you mean "folder:/"'),
    ('qqqqq:x', 'folder:<path>'),
    ('toy:', 'toy:<name>'),
    ('toy:two_moon', 'did you mean "two_moons"'),
    ('synthetic:banana_7', 'did you mean "banana_'),
    ('', 'digits'),
  ],
)
def test_unknown_names(name, hint, settings):
  with pytest.raises(UserError) as caught:
    data.load(settings(name), 'train')
  assert hint in str(caught.value)
  assert '\n' not in str(caught.value)


def test_negative_size(settings):
  with pytest.raises(UserError, match='image_size=-3'):
    data.load(settings('digits', -3), 'train')


@pytest.mark.parametrize(
  ('split', 'validation', 'sentence'),
  [
    ('valid', 0.1, 'There is no split "valid"; there are train, validation, test'),
    ('validation', 0, 'No validation split of digits was held out'),
    ('train', 1.0, 'validation=1.0 is no share'),
    ('train', -0.1, 'validation=-0.1 is no share'),
    ('train', float('nan'), 'validation=nan is no share'),
  ],
)
def test_splits_that_there_are_not(settings, split, validation, sentence):
  with pytest.raises(UserError, match=sentence):
    data.load(settings('digits', validation=validation), split)


def test_what_is_looked_at_while_training(settings):
  assert data.monitored_split(settings('digits', validation=0.1)) == 'validation'
  assert data.monitored_split(settings('digits', validation=0)) == 'test'
