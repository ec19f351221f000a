import numpy as np
from PIL import Image

from jaxgen.show import pictures
from jaxgen.types import DataSpec


def test_a_grid_shows_every_image_in_its_place_at_full_range():
  x = np.zeros((5, 40, 40, 1), np.uint8)
  x[3] = 16
  drawn = pictures.grid(x, levels=17, columns=3, gap=2)
  assert drawn.shape == (2 + 2 * 42, 2 + 3 * 42, 3)
  assert (drawn[44:84, 2:42] == 255).all()  # the fourth: second row, first column
  assert (drawn[2:42, 2:42] == 0).all()


def test_small_images_are_magnified():
  assert pictures.grid(np.zeros((1, 8, 8, 3), np.uint8), gap=0).shape == (40, 40, 3)


def test_a_row_has_each_picture_beneath_its_title():
  images = [np.full((30, 40, 3), shade, np.uint8) for shade in (10, 200)]
  row = pictures.titled_row(images, ['one', 'two'], gap=14)
  assert row.shape[1] == 40 + 14 + 40
  head = row.shape[0] - 30
  for place, image in zip((0, 54), images, strict=True):
    np.testing.assert_array_equal(row[head:, place : place + 40], image)
    assert (row[:head, place : place + 40] < 128).any()


def test_points_are_drawn_where_they_are():
  x = np.array([[1.0, 1.0]] * 5 + [[-1.0, -1.0]] * 5)
  drawn = pictures.picture(x, DataSpec((2,), 0, 0), limits=2.0)
  dark = np.argwhere(drawn[..., 0] < 128)
  height = drawn.shape[0]
  assert {(y > height / 2, x < height / 2) for y, x in dark.tolist()} == {(False, False), (True, True)}


def test_pngs_become_a_gif(tmp_path):
  for step in (1, 2, 3):
    pictures.save_png(np.full((8, 8, 3), 60 * step, np.uint8), tmp_path / f'raw_{step:03d}.png')
  pictures.gif_of_pngs('raw_*.png', tmp_path, tmp_path / 'all.gif')
  with Image.open(tmp_path / 'all.gif') as gif:
    assert gif.n_frames == 3
  assert not list(tmp_path.glob('*.part'))


def test_curves_have_a_panel_for_each_metric(tmp_path):
  rows = [{'step': s, 'split': 'train', 'loss': 1 / (s + 1), 'kl': float(s)} for s in range(4)]
  pictures.curves(
    rows + [{'step': 2, 'split': 'test', 'weights': 'raw', 'loss': 0.5}], tmp_path / 'curves.png'
  )
  with Image.open(tmp_path / 'curves.png') as image:
    wide = image.width
  pictures.curves([{'step': 1, 'split': 'train', 'loss': 1.0}], tmp_path / 'one.png')
  with Image.open(tmp_path / 'one.png') as image:
    assert image.width < wide


def test_points_of_one_coordinate_lie_on_a_line():
  image = pictures.scatter(np.linspace(-1, 1, 50)[:, None])
  rows = np.flatnonzero((image < 255).any((1, 2)))
  assert image.shape == (480, 480, 3)
  assert 0 < np.ptp(rows) + 1 <= 3
