import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from jaxgen import data
from jaxgen.errors import UserError
from jaxgen.types import Field


@pytest.fixture
def load(tmp_path, settings):
  """`(split='train', image_size=0) -> source` of the folder `tmp_path / 'images'`."""

  def make(split='train', image_size=0):
    return data.load(settings(f'folder:{tmp_path / "images"}', image_size), split)

  return make


@pytest.fixture
def images(tmp_path):
  folder = tmp_path / 'images'
  folder.mkdir()
  return folder


def test_sub_folders_are_classes(images, pixels, write_image, load):
  for index, image in enumerate(pixels(20, 4, 4)):
    image[0, 0] = index % 3
    write_image(images / ('dog', 'ant', 'cat')[index % 3] / 'deeper' / f'{index}.png', image)
  assert load().spec == {'x': Field('image', (4, 4, 3), 256), 'label': Field('label', (), 3)}
  for split in ('train', 'test'):
    arrays = load(split).resident()
    order = {0: 2, 1: 0, 2: 1}  # dog, ant, cat -> their places in the alphabet
    assert arrays['label'].tolist() == [order[int(x[0, 0, 0])] for x in arrays['x']]


@pytest.mark.parametrize('names', [['a/1.png', 'a/2.png'], ['a/1.png', 'b/2.png', '3.png']])
def test_no_classes(images, pixels, write_image, load, names):
  for name in names:
    write_image(images / name, pixels(1, 4, 4)[0])
  assert list(load().spec) == ['x']
  assert 'label' not in load().resident()


def test_the_splits_divide_the_folder(images, pixels, write_image, load):
  for index, image in enumerate(pixels(30, 4, 4)):
    image[0, 0] = index
    write_image(images / f'{index}.png', image)
  seen = [load(split).resident()['x'][:, 0, 0, 0].tolist() for split in ('train', 'test')]
  assert [len(part) for part in seen] == [27, 3]
  assert sorted(seen[0] + seen[1]) == list(range(30))
  write_image(images / 'one_more.png', pixels(1, 4, 4)[0])
  after = load('test').resident()['x'][:, 0, 0, 0].tolist()
  assert len(set(after) & set(seen[1])) >= 2


def test_kinds_of_files(images, pixels, write_image, load):
  x = pixels(5, 6, 6)
  for name, image in zip(('a.png', 'b.JPG', 'c.jpeg', 'd.webp', 'e.bmp'), x, strict=True):
    write_image(images / name, image)
  (images / 'notes.txt').write_text('not an image')
  (images / '._a.png').write_text('not an image either')
  (images / '.hidden').mkdir()
  (images / '.hidden' / 'x.png').write_text('nor this')
  assert len(load('train')) + len(load('test')) == 5
  assert load().resident()['x'].shape == (4, 6, 6, 3)


def test_grey_only_if_all_are(images, pixels, write_image, load):
  for index in range(4):
    write_image(images / f'{index}.png', pixels(1, 4, 4, 1)[0])
  assert load().spec['x'].shape == (4, 4, 1)
  write_image(images / 'colour.png', pixels(1, 4, 4, 3)[0])
  assert load().spec['x'].shape == (4, 4, 3)
  assert load().resident()['x'].shape == (4, 4, 4, 3)


def test_mixed_sizes(images, pixels, write_image, load):
  for index in range(5):
    write_image(images / f'{index}.png', pixels(1, 4 + index // 4, 6)[0])
  with pytest.raises(UserError) as caught:
    load()
  assert '2 different sizes' in str(caught.value)
  assert '6x4 (4), 6x5 (1)' in str(caught.value)
  assert '--config.data.image_size' in str(caught.value)
  assert load(image_size=8).resident()['x'].shape == (4, 8, 8, 3)


def test_missing(load):
  with pytest.raises(UserError, match='There is no folder .*images; set --config.data.name'):
    load()


def test_a_file_is_no_folder(tmp_path, load):
  (tmp_path / 'images').write_text('')
  with pytest.raises(UserError, match='There is no folder'):
    load()


def test_empty(images, load):
  with pytest.raises(UserError, match='There are no images in .*png'):
    load()


def test_one_image(images, pixels, write_image, load):
  write_image(images / 'a.png', pixels(1, 4, 4)[0])
  with pytest.raises(UserError, match='There is only one image'):
    load()


def test_files_that_are_no_images(images, pixels, write_image, load):
  for index in range(5):
    write_image(images / f'{index}.png', pixels(1, 4, 4)[0])
  (images / '2.png').write_bytes(b'')
  (images / '4.png').write_text('text')
  with pytest.raises(UserError, match=r'2\.png cannot be read as an image \(nor can 1 more\)'):
    load()
  (images / '5.png').symlink_to(images / 'nowhere.png')
  with pytest.raises(UserError, match=r'2\.png cannot be read as an image \(nor can 2 more\)'):
    load()


def test_files_that_are_cut_off(images, pixels, write_image, load):
  """The header is whole, so only decoding finds it: all at once, or in a batch of a large set."""
  for index in range(20):
    write_image(images / f'{index}.png', pixels(1, 16, 16)[0])
  cut = [images / f'{index}.png' for index in range(3, 20)]
  for path in cut:
    path.write_bytes(path.read_bytes()[:-200])
  with pytest.raises(UserError, match=r'png cannot be read as an image \(nor can 1[456] more\)'):
    load().resident()
  with pytest.raises(UserError, match='cannot be read as an image'):
    load().examples(np.arange(len(load())))


def test_a_changed_image_is_read_anew(images, pixels, write_image, load):
  x = pixels(4, 4, 4)
  for index, image in enumerate(x):
    write_image(images / f'{index}.png', image)
  before = load().resident()['x']
  for index, image in enumerate(x):
    write_image(images / f'{index}.png', 255 - image)
    os.utime(images / f'{index}.png', ns=(1, 1))
  np.testing.assert_array_equal(load().resident()['x'], 255 - before)


def test_a_pipe_named_as_an_image_is_refused_and_not_waited_for(images, pixels, write_image, load):
  write_image(images / 'a.png', pixels(1, 4, 4)[0])
  os.mkfifo(images / 'b.png')
  with pytest.raises(UserError, match=r'b\.png is no file but a pipe'):
    load()


def test_a_folder_that_cannot_be_listed_takes_no_class_with_it(
  images, pixels, write_image, load, monkeypatch
):
  for name in ('a/1.png', 'b/2.png', 'c/3.png'):
    write_image(images / name, pixels(1, 4, 4)[0])
  scandir = os.scandir

  def deny(path):  # whoever tests may be root, to whom nothing is denied
    if os.path.basename(path) == 'b':
      raise PermissionError(13, 'Permission denied', str(path))
    return scandir(path)

  monkeypatch.setattr(os, 'scandir', deny)
  with pytest.raises(
    UserError, match='images/b cannot be read: Permission denied; what is in it would be missing'
  ):
    load()


def test_links_to_folders_are_folders(images, tmp_path, pixels, write_image, load):
  for name in ('images/a/1.png', 'images/a/2.png', 'elsewhere/3.png'):
    write_image(tmp_path / name, pixels(1, 4, 4)[0])
  (images / 'b').symlink_to(tmp_path / 'elsewhere')
  assert load().spec['label'].levels == 2


def test_links_in_a_circle_are_told_of(images, pixels, write_image, load):
  write_image(images / 'a' / '1.png', pixels(1, 4, 4)[0])
  (images / 'a' / 'again').symlink_to(images / 'a')
  with pytest.raises(UserError, match='images/a/again is a link to a folder that it is in'):
    load()


def test_an_image_that_claims_too_many_pixels_is_refused_before_it_is_decoded(
  images, pixels, write_image, load
):
  write_image(images / 'a.png', pixels(1, 4, 4)[0])
  for side in (9_000, 20_000):  # beyond Pillow's own bound, which warns first and raises at twice as many
    (images / 'b.png').write_bytes(claiming((images / 'a.png').read_bytes(), side))
    with pytest.raises(UserError, match=r'b\.png has more than 67,108,864 pixels'):
      load()


def claiming(png, side):
  """A PNG file whose header, with the right checksum, says that it has `side` pixels a side."""
  chunk = b'IHDR' + struct.pack('>II', side, side) + png[24:29]
  return png[:12] + chunk + struct.pack('>I', zlib.crc32(chunk)) + png[33:]


def test_only_images_are_read_by_their_content(images, pixels, write_image, load):
  write_image(images / 'a.png', pixels(1, 4, 4)[0])
  # Pillow would hand it to Ghostscript, which is a programming language
  (images / 'b.png').write_bytes(
    b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n%%EndComments\nshowpage\n'
  )
  with pytest.raises(UserError, match=r'b\.png cannot be read as an image'):
    load()


def test_of_an_image_that_moves_the_first_frame_is_read(images, pixels, write_image, load):
  x = pixels(3, 4, 4)
  write_image(images / 'a.png', x[0])
  frames = [Image.fromarray(frame) for frame in x]
  frames[0].save(images / 'b.png', format='PNG', save_all=True, append_images=frames[1:])
  both = [load(split).resident()['x'][0] for split in ('train', 'test')]
  np.testing.assert_array_equal(*both)


def test_names_that_are_no_utf8_are_names(images, pixels, write_image, load):
  for name in (b'\xff1.png', b'\xfe2.png'):
    write_image(images / os.fsdecode(name), pixels(1, 4, 4)[0])
  assert len(load()) == 1
