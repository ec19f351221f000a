import numpy as np
import pytest
from PIL import Image

from jaxgen.data import images


def test_sizes_are_left_alone(pixels):
  x = pixels(3, 8, 6)
  assert images.resize_all(x, 0) is x
  square = pixels(3, 8, 8, 1)
  assert images.resize_all(square, 8) is square


def test_a_flat_image_stays_flat():
  x = np.full((2, 10, 14, 3), 77, np.uint8)
  for size in (3, 10, 40):
    np.testing.assert_array_equal(images.resize_all(x, size), np.full((2, size, size, 3), 77))


def test_the_crop_is_central():
  """A wide image whose left and right quarters are black: nothing of them is left."""
  x = np.full((1, 16, 32, 1), 200, np.uint8)
  x[:, :, :8] = x[:, :, 24:] = 0
  np.testing.assert_array_equal(images.resize_all(x, 16), np.full((1, 16, 16, 1), 200))
  tall = x.transpose(0, 2, 1, 3)
  np.testing.assert_array_equal(images.resize_all(tall, 16), np.full((1, 16, 16, 1), 200))


def test_reduction_does_not_alias():
  """The finest checkerboard becomes its mean; taking every fourth pixel would give black."""
  x = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)[None, ..., None]
  assert abs(images.resize_all(x, 16).astype(int) - 127.5)[:, 2:-2, 2:-2].max() <= 2


def test_levels_are_kept():
  """The filter overshoots beside an edge; no value may leave [0, levels)."""
  x = np.zeros((1, 8, 8, 1), np.uint8)
  x[:, :, 4:] = 16
  plain, clipped = images.resize_all(x, 20), images.resize_all(x, 20, levels=17)
  assert plain.max() > 16
  assert clipped.max() == 16


def test_decoding(tmp_path, pixels):
  x = pixels(1, 8, 6)[0]
  path = str(tmp_path / 'a.png')
  Image.fromarray(x).save(path)
  np.testing.assert_array_equal(images.decode_all([path], ['a'], 3, 0)[0], x)
  with open(path, 'rb') as file:
    np.testing.assert_array_equal(images.decode_all([file.read()], ['a'], 3, 0)[0], x)
  assert images.decode_all([path], ['a'], 1, 5).shape == (1, 5, 5, 1)
  assert images.header(path) == ((8, 6), False)


def test_upright_as_exif_says(tmp_path, pixels):
  x = pixels(1, 8, 6)[0]
  path = str(tmp_path / 'a.png')
  exif = Image.Exif()
  exif[274] = 6  # turn by a quarter, clockwise
  Image.fromarray(x).save(path, exif=exif)
  np.testing.assert_array_equal(images.decode_all([path], ['a'], 3, 0)[0], np.rot90(x, -1))
  assert images.header(path) == ((6, 8), False)


def test_transparency_is_laid_on_white(tmp_path):
  x = np.zeros((4, 4, 4), np.uint8)
  x[:2, :, 3] = 255
  path = str(tmp_path / 'a.png')
  Image.fromarray(x).save(path)
  found = images.decode_all([path], ['a'], 3, 0)[0]
  assert found[:2].max() == 0
  assert found[2:].min() == 255


def test_sixteen_bits(tmp_path):
  x = np.array([[0, 257], [32896, 65535]], np.uint16)
  path = str(tmp_path / 'a.png')
  Image.fromarray(x).save(path)
  assert images.header(path) == ((2, 2), True)
  np.testing.assert_array_equal(images.decode_all([path], ['a'], 1, 0)[0, ..., 0], [[0, 1], [128, 255]])


def test_a_large_photograph(tmp_path):
  """A JPEG is decoded at a fraction of its size; the result is that of the whole within a few levels."""
  ramp = np.linspace(0, 255, 1600).astype(np.uint8)
  x = np.stack(np.broadcast_arrays(ramp[:1200, None], ramp[None], np.uint8(90)), -1)
  path = str(tmp_path / 'a.jpg')
  Image.fromarray(x).save(path, quality=95)
  found = images.decode_all([path], ['a'], 3, 64)
  assert abs(found.astype(int) - images.resize_all(x[None], 64)).max() <= 4


def test_which_are_unreadable(tmp_path, pixels):
  good, bad = str(tmp_path / 'a.png'), str(tmp_path / 'b.png')
  Image.fromarray(pixels(1, 8, 6)[0]).save(good)
  with open(good, 'rb') as file, open(bad, 'wb') as cut:
    cut.write(file.read()[:-40])
  with pytest.raises(images.UnreadableImages) as caught:
    images.decode_all([good, bad, b''], ['good', 'cut', 'empty'], 3, 0)
  assert caught.value.names == ['cut', 'empty']
  assert str(caught.value).startswith('cut cannot be read as an image (nor can 1 more)')
  assert images.header(str(tmp_path / 'none')) is None
