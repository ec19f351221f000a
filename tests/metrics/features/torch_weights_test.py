"""Files of torch.save are read as torch reads them; whatever else a pickle can ask for is refused, and not done."""

import io
import os
import pickle
import zipfile

import numpy as np
import pytest

from jaxgen.errors import UserError
from jaxgen.metrics.features import torch_weights


def _zip(path, pickled, storages=(), compression=zipfile.ZIP_STORED):
  with zipfile.ZipFile(path, 'w', compression) as archive:
    archive.writestr('archive/data.pkl', pickled)
    archive.writestr('archive/byteorder', 'little')
    for key, data in storages:
      archive.writestr(f'archive/data/{key}', data)
  return path


def _described(offset=0, shape=(2, 3), strides=(3, 1), size=6, key='0', storage='FloatStorage'):
  """The pickle of `{'w': tensor}`, written by hand."""
  number = lambda n: b'J' + int(n).to_bytes(4, 'little', signed=True)  # noqa: E731
  text = lambda s: b'X' + len(s).to_bytes(4, 'little') + s.encode()  # noqa: E731
  numbers = lambda ns: b'(' + b''.join(map(number, ns)) + b't'  # noqa: E731
  reference = b'(' + text('storage') + f'ctorch\n{storage}\n'.encode() + text(key) + text('cpu')
  tensor = (
    b'ctorch._utils\n_rebuild_tensor_v2\n(('[:-1]
    + reference + number(size) + b'tQ'
    + number(offset) + numbers(shape) + numbers(strides) + b'\x89'
    + b'ccollections\nOrderedDict\n)R' + b'tR'
  )  # fmt: skip
  return b'\x80\x02}' + text('w') + tensor + b's.'


_SIX = np.arange(6, dtype=np.float32).tobytes()


def test_a_tensor_described_by_hand(tmp_path):
  tensors = torch_weights.load(_zip(tmp_path / 'w.pth', _described(), [('0', _SIX)]))
  np.testing.assert_array_equal(tensors['w'], np.arange(6, dtype=np.float32).reshape(2, 3))


def test_the_older_container(tmp_path):
  path = tmp_path / 'w.pth'
  machine = {'protocol_version': 1001, 'little_endian': True, 'type_sizes': {'int': 4}}
  before = [pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, machine)]
  after = pickle.dumps(['0'], 2) + (6).to_bytes(8, 'little') + _SIX
  path.write_bytes(b''.join(before) + _described() + after)
  np.testing.assert_array_equal(torch_weights.load(path)['w'].ravel(), np.arange(6))
  for damaged in (b''.join(before) + _described() + after[:-1], b''.join(before[1:]) + _described() + after):
    path.write_bytes(damaged)
    with pytest.raises(UserError, match='not a plain dictionary'):
      torch_weights.load(path)


@pytest.mark.parametrize('zipped', [True, False])
def test_reads_what_torch_saves(tmp_path, zipped):
  torch = pytest.importorskip('torch', reason='PyTorch (extra [bench]) writes the files to read')
  base = torch.arange(24.0).reshape(2, 3, 4)
  state = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 1), torch.nn.BatchNorm2d(3)).state_dict()  # has _metadata
  state |= {
    'transposed': base.transpose(0, 2),
    'slice': base[1, :, 1:3],  # shares its storage
    'long': torch.tensor(7),
    'half': torch.ones(3, dtype=torch.float16),
    'empty': torch.zeros(0, 4),
    'flag': torch.tensor([True, False]),
    'parameter': torch.nn.Parameter(torch.ones(2, 2)),
  }
  path = tmp_path / 'state.pth'
  torch.save(state, path, _use_new_zipfile_serialization=zipped)
  tensors = torch_weights.load(path)
  assert list(tensors) == list(state)
  for name, tensor in state.items():
    np.testing.assert_array_equal(tensors[name], tensor.detach().numpy(), strict=True)


class _Attack:
  def __init__(self, function, *args):
    self.call = function, args

  def __reduce__(self):
    return self.call


def _attacks(marker):
  touch = f'touch {marker}'
  yield pickle.dumps({'w': _Attack(os.system, touch)}, 2)
  yield pickle.dumps({'w': _Attack(eval, f'open({str(marker)!r}, "w")')}, 4)
  yield f'cos\nsystem\n(X{chr(len(touch))}\0\0\0{touch}tR.'.encode()  # called before anything is built
  yield f'(S{touch!r}\nios\nsystem\n.'.encode()  # INST
  yield f'(cos\nsystem\nS{touch!r}\no.'.encode()  # OBJ
  yield b'\x80\x04\x8c\x02os\x8c\x06system\x93.'  # STACK_GLOBAL
  yield b'\x80\x02\x82\x01.'  # EXT1
  yield b'ctorch._utils\n_rebuild_tensor_v2\n}(X\x01\0\0\0aK\x01ub.'  # BUILD on a function
  yield b'ctorch._utils\n_rebuild_tensor_v2\n)\x81.'  # NEWOBJ


def test_nothing_in_a_file_is_executed(tmp_path):
  marker = tmp_path / 'executed'
  attacks = list(_attacks(marker))
  for attack in attacks[:5]:
    pickle.loads(attack)
    assert marker.exists()  # the attack is a real one
    marker.unlink()
  for number, attack in enumerate(attacks):
    for path in (_zip(tmp_path / f'{number}.pth', attack), tmp_path / f'{number}.legacy'):
      if path.suffix == '.legacy':
        path.write_bytes(attack)
      with pytest.raises(UserError, match='nothing in it was executed'):
        torch_weights.load(path)
      assert not marker.exists()


@pytest.mark.parametrize(
  'changes',
  [
    {'offset': 1},
    {'offset': -1},
    {'shape': (2, 4)},
    {'shape': (2**31 - 1, 2**31 - 1), 'strides': (0, 0)},
    {'strides': (3, -1)},
    {'strides': (1,)},
    {'strides': (2**30, 1)},
    {'size': 7},
    {'size': -6},
    {'key': '../../../etc/passwd'},
    {'storage': 'ComplexFloatStorage'},
    {'shape': (1,) * 9, 'strides': (1,) * 9},
  ],
)
def test_a_tensor_that_reaches_beyond_its_storage_is_refused(tmp_path, changes):
  with pytest.raises(UserError, match='not a plain dictionary'):
    torch_weights.load(_zip(tmp_path / 'w.pth', _described(**changes), [('0', _SIX)]))


def test_a_small_file_cannot_ask_for_much_memory(tmp_path):
  bombs = {
    'memo': b'\x80\x02}r\xff\xff\xff\x7f.',  # an index of 2^31
    'long_string': b'\x80\x04\x8d' + (2**40).to_bytes(8, 'little') + b'a.',
  }
  for name, bomb in bombs.items():
    path = tmp_path / f'{name}.legacy'
    path.write_bytes(bomb)
    with pytest.raises(UserError):
      torch_weights.load(path)
  inflating = _zip(tmp_path / 'z.pth', _described(), [('0', _SIX)], zipfile.ZIP_DEFLATED)
  with pytest.raises(UserError, match='compressed'):
    torch_weights.load(inflating)


@pytest.mark.parametrize('length', [0, 3, 40, 200])
def test_truncated_files(tmp_path, length):
  whole = _zip(io.BytesIO(), _described(), [('0', _SIX)]).getvalue()
  path = tmp_path / 'w.pth'
  path.write_bytes(whole[:length])
  with pytest.raises(UserError, match='w.pth'):
    torch_weights.load(path)


def test_a_missing_file(tmp_path):
  with pytest.raises(UserError, match='cannot be read'):
    torch_weights.load(tmp_path / 'none.pth')
