import numpy as np

from jaxgen import show


def test_a_grid_shows_every_image_in_its_place_at_full_range():
  x = np.zeros((5, 40, 40, 1), np.uint8)
  x[3] = 16
  drawn = show.grid(x, levels=17, columns=3, gap=2)
  assert drawn.shape == (2 + 2 * 42, 2 + 3 * 42, 3)
  assert (drawn[44:84, 2:42] == 255).all()  # the fourth: second row, first column
  assert (drawn[2:42, 2:42] == 0).all()


def test_small_images_are_magnified():
  assert show.grid(np.zeros((1, 8, 8, 3), np.uint8), gap=0).shape == (40, 40, 3)


def test_a_row_has_each_picture_beneath_its_title():
  images = [np.full((height, 40, 3), shade, np.uint8) for height, shade in ((30, 10), (50, 200))]
  row = show.titled_row(images, ['one', 'two'], gap=14)
  assert row.shape[1] == 40 + 14 + 40
  head = row.shape[0] - 50
  for place, image in zip((0, 54), images, strict=True):
    np.testing.assert_array_equal(row[head : head + len(image), place : place + 40], image)
    assert (row[:head, place : place + 40] < 128).any()
