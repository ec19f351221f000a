"""What hostile commands name: config files, archives and folders that are not what they should be."""

import io
import os
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

_START = 'from jaxgen.config import defaults\n\ndef get_config():\n  config = defaults()\n'
_TINY = f"{_START}  config.module = 'tests.tiny_model'\n  config.model.update(dict(noise=0.1, nan_at=-1))\n"

CONFIG_FILES = {
  'empty': '',
  'no_function': 'config = 3\n',
  'a_number': 'def get_config():\n  return 3\n',
  'a_dict': "def get_config():\n  return {'seed': 3}\n",
  'nothing': 'def get_config():\n  pass\n',
  'key_error': "def get_config():\n  return {}['learning_rate']\n",
  'exit': 'import sys\n\ndef get_config():\n  sys.exit(0)\n',
  'exit_at_import': 'import sys\nsys.exit(3)\n',
  'syntax': 'def get_config(:\n',
  'indentation': 'def get_config():\nreturn 3\n',
  'missing_import': 'import no_such_package\n',
  'nulls': 'x = 1\0\n',
  'two_arguments': 'def get_config(first, second):\n  return 3\n',
  'recursion': 'def get_config():\n  return get_config()\n',
  'misspelt': f'{_TINY}  config.bacth_size = 3\n  return config\n',
  'misspelt_section': f'{_TINY}  config.optimzer = config.optimizer\n  return config\n',
  'misspelt_below': f'{_TINY}  config.optimizer.learning_rat = 3.0\n  return config\n',
  'locked': f'{_TINY}  config.lock()\n  config.bacth_size = 3\n  return config\n',
  'a_float_for_a_number': f'{_TINY}  config.batch_size = 2.5\n  return config\n',
  'no_data': f'{_TINY}  del config.data\n  return config\n',
  'no_data_name': f'{_TINY}  del config.data.name\n  return config\n',
  'no_optimizer': f'{_TINY}  del config.optimizer\n  return config\n',
  'no_module': f'{_START}  return config\n',
  'no_model': f'{_TINY}  del config.model\n  return config\n',
  'no_seed': f'{_TINY}  del config.seed\n  return config\n',
  'data_is_text': f"{_TINY}  with config.ignore_type():\n    config.data = 'digits'\n  return config\n",
  'a_lambda': f'{_TINY}  config.model.act = lambda x: x\n  return config\n',
  'a_function': f'{_TINY}  config.model.act = print\n  return config\n',
  'an_array': f'import numpy as np\n{_TINY}  config.model.weights = np.ones(3)\n  return config\n',
  'a_nan': f"{_TINY}  config.model.noise = float('nan')\n  return config\n",
  'a_set': f'{_TINY}  config.model.kinds = {{1, 2}}\n  return config\n',
  'a_lambda_for_a_seed': f'{_TINY}  with config.ignore_type():\n    config.seed = lambda: 3\n  return config\n',
  'none_for_a_seed': f'{_TINY}  with config.ignore_type():\n    config.seed = None\n  return config\n',
  'a_placeholder': (
    f'from ml_collections import config_dict\n{_TINY}  with config.ignore_type():\n'
    '    config.num_steps = config_dict.placeholder(int)\n  return config\n'
  ),
}

VECTORS = np.arange(80.0).reshape(40, 2)
IMAGES = np.zeros((40, 8, 8), np.uint8)
LABELS = np.arange(40) % 4
CODES = np.arange(160).reshape(40, 4) % 50

ARCHIVES = {
  'labels_40_bits': {'x': IMAGES, 'label': LABELS + 2**40},
  'labels_64_bits': {'x': IMAGES, 'label': LABELS.astype(np.uint64) + np.uint64(2**63)},
  'labels_31_bits': {'x': IMAGES, 'label': LABELS + 2**31 - 9},
  'labels_negative': {'x': IMAGES, 'label': LABELS - 1},
  'labels_float': {'x': IMAGES, 'label': LABELS / 2},
  'labels_few': {'x': IMAGES, 'label': LABELS[:9]},
  'labels_one_hot': {'x': IMAGES, 'label': np.eye(4, dtype=np.int32)[LABELS]},
  'labels_of_one_split': {'x_train': IMAGES, 'x_test': IMAGES, 'label_train': LABELS},
  'no_width': {'x': IMAGES[:, :, :0]},
  'no_height': {'x': IMAGES[:, :0]},
  'no_numbers': {'x': VECTORS[:, :0]},
  'no_examples': {'x': VECTORS[:0]},
  'one_example': {'x': VECTORS[:1]},
  'two_channels': {'x': np.zeros((4, 8, 8, 2), np.uint8)},
  'five_axes': {'x': np.zeros((4, 8, 8, 3, 1), np.uint8)},
  'complex': {'x': VECTORS * 1j},
  'text': {'x': np.array(['a', 'b'])},
  'objects': {'x': np.array([{}, []], object)},
  'structured': {'x': np.zeros(9, [('a', 'f4'), ('b', 'i4')])},
  'dates': {'x': np.zeros((9, 2), 'datetime64[s]')},
  'not_finite': {'x': np.full((40, 2), np.inf)},
  'huge': {'x': VECTORS * 1e30},
  'beyond_float32': {'x': VECTORS * 1e300},
  'levels_300': {'x': IMAGES + np.uint8(255), 'levels': 300},
  'levels_text': {'x': IMAGES, 'levels': 'many'},
  'levels_negative': {'x': IMAGES, 'levels': -3},
  'levels_one': {'x': IMAGES, 'levels': 1},
  'other_names': {'images': IMAGES},
  'unlike': {'x_train': IMAGES, 'x_test': VECTORS},
  'tokens_negative': {'x': CODES - 1, 'kind': 'tokens'},
  'tokens_outside': {'x': CODES, 'kind': 'tokens', 'levels': 40},
  'tokens_float': {'x': CODES / 2, 'kind': 'tokens'},
  'tokens_one_each': {'x': CODES[:, 0], 'kind': 'tokens'},
  'tokens_untold': {'x': CODES},
  'labels_outside': {'x': IMAGES, 'label': LABELS, 'label_levels': 3},
  'a_kind_that_is_none': {'x': CODES, 'kind': 'words'},
  'a_field_too_short': {'x': IMAGES, 'y': VECTORS[:9]},
  'a_field_of_one_split': {'x_train': IMAGES, 'x_test': IMAGES, 'y_train': VECTORS},
  'a_field_of_text': {'x': IMAGES, 'y': IMAGES * 1.0},
  'a_mask_of_numbers': {'x': IMAGES, 'mask': LABELS, 'mask_kind': 'mask'},
  'a_mask_with_holes': {'x': CODES, 'kind': 'tokens', 'observed': CODES % 4 != 1},
  'a_mask_of_nothing': {'x': CODES, 'kind': 'tokens', 'observed': CODES < 0},
  'a_mask_that_is_short': {'x': CODES, 'kind': 'tokens', 'observed': CODES[:, :2] >= 0},
}


def header(shape, descr='|u1'):
  """The beginning of a .npy file of that shape, without the array."""
  buffer = io.BytesIO()
  np.lib.format.write_array_header_1_0(buffer, {'descr': descr, 'fortran_order': False, 'shape': shape})
  return buffer.getvalue()


MEMBERS = {
  'no_array': {'x.npy': b'Dear numpy,'},
  'no_bytes': {'x.npy': b''},
  'no_suffix': {'x': b'Dear numpy,'},
  'no_members': {},
  'petabytes': {'x.npy': header((10**6, 10**5, 10**4))},
  'negative_shape': {'x.npy': header((-4, 8, 8))},
  'code_for_a_header': {'x.npy': b"\x93NUMPY\x01\x00\x20\x00__import__('os').system('true')\n"},
  'version_9': {'x.npy': b'\x93NUMPY\x09\x00' + header((1,))[8:]},
  'cut_off': {'x.npy': header((4, 8, 8)) + b'a' * 9},
}

BYTES = {'empty.npz': b'', 'rubbish.npz': b'rubbish' * 50, 'half.npz': b'PK\x03\x04 cut off'}


def png(side=8, claimed=None):
  """An image file; its header says that it has `claimed` pixels a side."""
  buffer = io.BytesIO()
  Image.fromarray(np.zeros((side, side), np.uint8)).save(buffer, 'PNG')
  data = buffer.getvalue()
  if claimed is None:
    return data
  chunk = b'IHDR' + struct.pack('>II', claimed, claimed) + data[24:29]
  return data[:12] + chunk + struct.pack('>I', zlib.crc32(chunk)) + data[33:]


FOLDERS = {
  'no_images': {'notes.txt': b'text'},
  'one_image': {'1.png': png()},
  'two_sizes': {'1.png': png(), '2.png': png(9)},
  'text_as_png': {'1.png': png(), '2.png': b'text'},
  'cut_png': {'1.png': png(), '2.png': png()[:30]},
  'empty_png': {'1.png': png(), '2.png': b''},
  'bomb': {'1.png': png(), '2.png': png(claimed=9_000)},
  'greater_bomb': {'1.png': png(), '2.png': png(claimed=60_000)},
  'postscript': {'1.png': png(), '2.png': b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\nshowpage\n'},
}


# Two folders of images, which may be pairs, texts, and tables.
PAIRS = {
  'without_partner': {'a/1.png': png(), 'a/2.png': png(), 'b/1.png': png(), 'b/3.png': png()},
  'one_side': {'a/1.png': png(), 'a/2.png': png()},
  'three_sides': {'a/1.png': png(), 'b/1.png': png(), 'c/1.png': png()},
  'two_sides_without_images': {'a/notes.txt': b'text', 'b/notes.txt': b'text'},
}


def wav(samples=2000, rate=8000, claimed=None, kind=1, bits=16):
  """A file of one channel, a triangle; its header says that it has `claimed` bytes."""
  content = (np.arange(samples) % 200 * 100).astype('<i2').tobytes()
  form = struct.pack('<HHIIHH', kind, 1, rate, rate * bits // 8, bits // 8, bits)
  size = len(content) if claimed is None else claimed
  chunks = b'WAVEfmt ' + struct.pack('<I', 16) + form + b'data' + struct.pack('<I', size) + content
  return b'RIFF' + struct.pack('<I', len(chunks)) + chunks


SOUNDS = {
  'sounds': {'1.wav': wav()},
  'sounds_of_two_rates': {'1.wav': wav(), '2.wav': wav(rate=44100)},
  'sounds_of_another_rate': {'1.wav': wav(rate=44100)},
  'sounds_too_short': {'1.wav': wav(100)},
  'silence': {'1.wav': wav(2000)[:44] + bytes(4000)},
  'cut_sound': {'1.wav': wav(), '2.wav': wav()[:-500]},
  'sound_of_petabytes': {'1.wav': wav(), '2.wav': wav(claimed=2**32 - 2)},
  'sound_of_text': {'1.wav': b'text' * 99},
  'sound_of_floats': {'1.wav': wav(kind=3, bits=32)},
  'sound_of_64_bits': {'1.wav': wav(bits=64)},
}
TEXTS = {
  'ragged.csv': b'a,b\n1,2\n3,4\n5\n',
  'short.txt': b'short',
  'empty.txt': b'',
  'no_utf_8.txt': b'\xff\xfe\x00' * 99,
  'long.txt': b'words ' * 999,
}


def write(root: Path) -> None:
  """All of them below a folder."""
  for name, text in CONFIG_FILES.items():
    (root / f'{name}.py').write_text(text)
  for name, arrays in ARCHIVES.items():
    np.savez(root / f'{name}.npz', **arrays)
  for name, members in MEMBERS.items():
    with zipfile.ZipFile(root / f'{name}.npz', 'w') as archive:
      for member, content in members.items():
        archive.writestr(member, content)
  for name, content in (BYTES | TEXTS).items():
    (root / name).write_bytes(content)
  for name, content in (FOLDERS | PAIRS | SOUNDS).items():
    for file, data in content.items():
      (root / name / file).parent.mkdir(parents=True, exist_ok=True)
      (root / name / file).write_bytes(data)
  for name in ('pipe', 'pipe.npz', 'circle', 'nowhere', 'images'):
    if not name.endswith('.npz'):
      (root / name).mkdir()
      (root / name / '1.png').write_bytes(png())
  os.mkfifo(root / 'pipe' / '2.png')
  os.mkfifo(root / 'pipe.npz')
  (root / 'circle' / 'again').symlink_to(root / 'circle')
  (root / 'nowhere' / '2.png').symlink_to(root / 'nowhere' / 'none.png')
  (root / 'images' / '2.png').write_bytes(png())
