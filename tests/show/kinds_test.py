"""One contract over the kinds, and what is peculiar to each."""

import numpy as np
import pytest
from PIL import Image

from jaxgen import fields, show
from jaxgen.data.vocabulary import Vocabulary
from jaxgen.types import Field

FIELDS = {
  'image': Field('image', (8, 8, 1), 17),
  'vector': Field('vector', (2,), 0),
  'table': Field('table', (5,), 0),
  'tokens': Field('tokens', (12,), 128),
  'audio': Field('audio', (300, 1), 256),
  'label': Field('label', (), 10),
  'mask': Field('mask', (8, 8), 2),
}


def examples(field, num):
  rng = np.random.default_rng(0)
  values = (
    rng.integers(field.levels, size=(num, *field.shape))
    if field.levels
    else rng.normal(size=(num, *field.shape))
  )
  return values.astype(fields.dtype(field))


def test_every_kind_that_can_be_shown_is_tested():
  assert FIELDS.keys() == show.KINDS.keys()


@pytest.mark.parametrize('kind', FIELDS)
def test_examples_of_a_kind_are_drawn_compared_and_saved(kind, tmp_path):
  field, x = FIELDS[kind], examples(FIELDS[kind], 6)
  drawn = show.picture(x, field)
  assert drawn.dtype == np.uint8
  assert drawn.ndim == 3
  assert drawn.shape[2] == 3
  assert len(np.unique(drawn)) > 1  # something is on it
  assert show.compared([x, x], field).shape[2] == 3
  written = show.save(x, field, tmp_path / 'x.y')
  assert written[0].name == 'x.y.png'
  assert [path.suffix for path in written[1:]] == ([show.KINDS[kind].suffix] if show.KINDS[kind].save else [])
  with Image.open(written[0]) as image:
    np.testing.assert_array_equal(np.asarray(image), drawn)


def test_what_cannot_be_shown_yet_is_said():
  with pytest.raises(ValueError, match='no way yet to show video; there is one for image'):
    show.picture(np.zeros((2, 8, 1)), Field('video', (8, 1), 0))


def test_images_are_compared_beneath_each_other_eight_a_row():
  originals = np.zeros((16, 40, 40, 1), np.uint8)
  drawn = show.compared([originals, originals + 255], Field('image', (40, 40, 1), 256))
  rows = drawn[20::42, 20]
  assert [int(row[0]) for row in rows] == [0, 255, 0, 255]
  assert drawn.shape[1] > 8 * 40


def test_a_title_stands_to_the_left_of_every_row_of_its_group():
  originals = np.full((16, 40, 40, 1), 255, np.uint8)
  field = Field('image', (40, 40, 1), 256)
  plain = show.compared([originals, originals], field)
  drawn = show.compared([originals, originals], field, titles=('examples', ''))
  margin = drawn.shape[1] - plain.shape[1]
  np.testing.assert_array_equal(drawn[:, margin:], plain)
  written = [bool((row[:, :margin] < 128).any()) for row in np.split(drawn[1:-1], 4)]
  assert written == [True, False, True, False]


@pytest.mark.parametrize('count', [1, 8, 11, 16])
def test_all_examples_are_compared_whatever_their_number(count):
  """Rows of a rest are shorter: what is left of them stays white."""
  originals = np.full((count, 40, 40, 1), 50, np.uint8)
  drawn = show.compared([originals, originals + 50], Field('image', (40, 40, 1), 256))
  tiles = drawn[20::42, 20::42, 0]
  assert [(tiles == value).sum() for value in (50, 100)] == [count, count]
  assert tiles.size == 2 * min(8, count) * -(-count // 8)


def test_points_are_drawn_where_they_are():
  x = np.array([[1.0, 1.0]] * 5 + [[-1.0, -1.0]] * 5)
  drawn = show.picture(x, FIELDS['vector'], show.About(limits=2.0))
  dark = np.argwhere(drawn[..., 0] < 128)
  height = drawn.shape[0]
  assert {(y > height / 2, x < height / 2) for y, x in dark.tolist()} == {(False, False), (True, True)}


def test_points_of_one_coordinate_lie_on_a_line():
  image = show.scatter(np.linspace(-1, 1, 50)[:, None])
  rows = np.flatnonzero((image < 255).any((1, 2)))
  assert image.shape == (480, 480, 3)
  assert 0 < np.ptp(rows) + 1 <= 3


def test_a_known_density_is_the_ground_beneath_the_points():
  """Warm where it is high, white where it is zero; points are seen on either."""
  density = lambda x: np.where(x[..., 0] > 0, 0.0, -np.inf)  # noqa: E731 - of the right half
  points = np.array([[-0.5, 0.5], [0.5, -0.5]])
  drawn = show.scatter(points, limits=1.0, density=density)
  assert drawn[10, 10].tolist() == [255, 255, 255]
  assert drawn[10, 470, 2] < 150 < drawn[10, 470, 0]
  assert (drawn[120, 118:124, 0] < 50).any()
  assert (drawn[360, 358:364, 0] < 50).any()


def test_tokens_are_text_by_the_vocabulary_and_numbers_without_one(tmp_path):
  """Whatever the number of levels: codes of a codebook of 256 vectors are no bytes of a text."""
  field, x = Field('tokens', (3,), 256), np.array([[72, 105, 10], [255, 72, 33]], np.uint8)
  _, text = show.save(x, field, tmp_path / 'codes')
  assert '72 105 10\n' in text.read_text(encoding='utf-8')
  _, text = show.save(x, field, tmp_path / 'bytes', show.About(decode=Vocabulary('bytes', 256).decode))
  assert 'Hi\n' in text.read_text(encoding='utf-8')
  assert '\N{REPLACEMENT CHARACTER}H!' in text.read_text(encoding='utf-8')
  spell = show.About(decode=lambda row: '+'.join(map(str, row)))
  _, text = show.save(x, field, tmp_path / 'spelt', spell)
  assert '72+105+10' in text.read_text(encoding='utf-8')


def test_long_texts_are_cut_on_the_wall_alone(tmp_path):
  field = Field('tokens', (5000,), 256)
  x = np.full((1, 5000), ord('a'), np.uint8)
  image, text = show.save(x, field, tmp_path / 'long', show.About(decode=Vocabulary('bytes', 256).decode))
  with Image.open(image) as drawn:
    assert drawn.height < 200
  assert 'a' * 5000 in text.read_text(encoding='utf-8')


def test_a_mask_is_black_and_white():
  drawn = show.picture(np.array([[0, 1]], np.uint8), Field('mask', (2,), 2))
  assert set(np.unique(drawn).tolist()) == {0, 255}
