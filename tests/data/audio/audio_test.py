import struct

import numpy as np
import pytest
from scipy.io import wavfile

from jaxgen import data, fields, mu_law
from jaxgen.data.audio import wav
from jaxgen.errors import UserError
from jaxgen.types import Field


def ramp(start, num):
  """Samples of which each tells its place, in thousandths."""
  return (start + np.arange(num)) / 1000


@pytest.mark.parametrize(('width', 'atol'), [(1, 1.5 / 127), (2, 1e-4), (3, 1e-6), (4, 1e-6)])
def test_every_width_is_read_as_it_was_written(write_wav, tmp_path, width, atol):
  x = np.sin(np.arange(500) / 7)
  x[:3] = [-1, 0, 1]
  write_wav(tmp_path / 'a.wav', x, width=width)
  found = wav.read(tmp_path / 'a.wav')
  assert found.dtype == np.float32
  assert np.abs(found).max() <= 1
  np.testing.assert_allclose(found, x, atol=atol)
  assert wav.header(tmp_path / 'a.wav') == (8000, 500, 1, width)


def test_files_of_another_writer_are_read_alike(tmp_path):
  x = (np.sin(np.arange(500) / 7) * 2**30).astype(np.int32)
  for name, array in (
    ('16', (x >> 16).astype(np.int16)),
    ('32', x),
    ('8', ((x >> 24) + 128).astype(np.uint8)),
  ):
    wavfile.write(tmp_path / f'{name}.wav', 8000, array)
    np.testing.assert_allclose(wav.read(tmp_path / f'{name}.wav'), x / 2**31, atol=1 / 127)


@pytest.mark.parametrize('width', [2, 3])
def test_extended_headers_are_read(write_wav, tmp_path, width):
  """As editors write above 16 bits or two channels: tag 0xFFFE, and what it is at the end of a chunk of 40 bytes."""
  x = np.sin(np.arange(500) / 7)
  write_wav(tmp_path / 'a.wav', x, width=width)
  plain = (tmp_path / 'a.wav').read_bytes()
  kind = b'\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71'
  extension = struct.pack('<HHI', 22, 8 * width, 4) + kind
  chunk = struct.pack('<IH', 40, 0xFFFE) + plain[22:36] + extension
  odd = b'LIST' + struct.pack('<I', 3) + b'abc\0'
  (tmp_path / 'b.wav').write_bytes(plain[:16] + chunk + odd + plain[36:])
  assert wav.header(tmp_path / 'b.wav') == wav.header(tmp_path / 'a.wav') == (8000, 500, 1, width)
  np.testing.assert_array_equal(wav.read(tmp_path / 'b.wav'), wav.read(tmp_path / 'a.wav'))
  floats = chunk.replace(kind, b'\x03' + kind[1:])
  (tmp_path / 'b.wav').write_bytes(plain[:16] + floats + plain[36:])
  with pytest.raises(UserError, match='16, 24 or 32 bits .format 0xfffe'):
    wav.header(tmp_path / 'b.wav')


def test_channels_are_averaged(write_wav, tmp_path):
  x = np.stack([np.full(9, 0.5), np.full(9, -0.25)], 1)
  write_wav(tmp_path / 'a.wav', x)
  np.testing.assert_allclose(wav.read(tmp_path / 'a.wav'), 0.125, atol=1e-4)


def codes(settings, folder, split, context=10, validation=0.1, **others):
  config = settings(f'audio:{folder}', validation=validation, context=context, **others)
  source = data.load(config, split)
  return source, mu_law.decode(source.resident()['x'], config.levels)[..., 0]


def test_few_files_are_divided_by_time(write_wav, tmp_path, settings):
  for name, start in (('b/2.wav', 0.5), ('a.WAV', 0.0)):
    write_wav(tmp_path / name, start + np.arange(200) / 1000)
  found = {split: codes(settings, tmp_path, split, levels=65536) for split in ('train', 'validation', 'test')}
  source, train = found['train']
  assert source.spec == {'x': Field('audio', (10, 1), 65536)}
  assert source.resident()['x'].dtype == fields.dtype(source.spec['x'])
  assert source.name == f'{tmp_path} (train), by time'
  assert len(train) == 2 * 16  # of 162 samples
  np.testing.assert_allclose(train[:2].ravel(), ramp(0, 20), atol=1e-3)  # in the order of their names
  np.testing.assert_allclose(train[16], ramp(500, 10), atol=1e-3)
  np.testing.assert_allclose(found['validation'][1], [ramp(162, 10), ramp(662, 10)], atol=1e-3)
  np.testing.assert_allclose(found['test'][1][0], ramp(180, 10), atol=1e-3)


def test_many_files_are_divided_by_file(write_wav, tmp_path, settings):
  for number in range(20):
    write_wav(tmp_path / f'{number:02d}.wav', number / 40 + np.arange(35) / 10_000)
  write_wav(tmp_path / 'short.wav', ramp(0, 9))
  found = {}
  for split in ('train', 'validation', 'test'):
    source, x = codes(settings, tmp_path, split, levels=4096)
    assert source.name == f'{tmp_path} ({split}), by file, without 1 shorter than 10 samples'
    assert len(x) % 3 == 0
    found[split] = {int(round(float(value) * 40)) for value in x[:, 0]}
  assert [len(files) for files in found.values()] == [16, 2, 2]
  assert set.union(*found.values()) == set(range(20))
  assert codes(settings, tmp_path, 'train', validation=0.0)[1].shape == (54, 10)


def held_out(settings, folder, **others):
  """The numbers of the files of each split, whose sound begins with them."""
  found = {}
  for split in ('train', 'validation', 'test'):
    x = codes(settings, folder, split, levels=4096, **others)[1]
    found[split] = {round(float(value) * 100) for value in x[:, 0]}
  return found


def test_a_file_more_moves_one_at_most_into_a_split_or_out_of_it(write_wav, tmp_path, settings):
  for number in range(30):
    write_wav(tmp_path / f'{number}.wav', number / 100 + np.arange(12) / 10_000)
  before = held_out(settings, tmp_path)
  assert [len(found) for found in before.values()] == [24, 3, 3]
  for number in range(30, 34):
    write_wav(tmp_path / f'{number}.wav', number / 100 + np.arange(12) / 10_000)
    after = held_out(settings, tmp_path)
    old = {split: found - {number} for split, found in after.items()}
    assert all(len(old[split] ^ before[split]) <= 1 for split in ('validation', 'test'))
    assert not old['test'] & before['validation'] and not old['validation'] & before['test']
    before = after


def test_a_file_with_two_names_is_one(write_wav, tmp_path, settings):
  for number in range(10):
    write_wav(tmp_path / f'{number}.wav', number / 100 + np.arange(12) / 10_000)
  before = held_out(settings, tmp_path)
  for number in range(10):
    (tmp_path / f'{number}_again.wav').symlink_to(tmp_path / f'{number}.wav')
    (tmp_path / f'{number}_hard.wav').hardlink_to(tmp_path / f'{number}.wav')
  assert held_out(settings, tmp_path) == before


def test_a_validation_split_of_all_files_is_refused(write_wav, tmp_path, settings):
  for number in range(10):
    write_wav(tmp_path / f'{number}.wav', ramp(0, 20))
  refused(settings, tmp_path, 'data.validation=0.9 of the 10 wav files of .* leaves none', validation=0.9)


@pytest.mark.parametrize(('channels', 'needed'), [(1, 20 + 14), (8, 20 + 8 * 14)])
def test_memory_is_asked_about_with_all_that_reading_takes(
  write_wav, tmp_path, settings, monkeypatch, channels, needed
):
  write_wav(tmp_path / '1.wav', np.tile(ramp(0, 900)[:, None], channels))
  pages = {'SC_PAGE_SIZE': 900, 'SC_PHYS_PAGES': needed}
  monkeypatch.setattr('jaxgen.data.images.os.sysconf', lambda name: pages[name])
  codes(settings, tmp_path, 'train')
  pages['SC_PHYS_PAGES'] = needed - 1
  refused(settings, tmp_path, 'are taken; give fewer or shorter files')


def refused(settings, folder, sentence, split='train', **others):
  with pytest.raises(UserError, match=sentence) as error:
    codes(settings, folder, split, **others)
  assert '\n' not in str(error.value)


def test_files_of_several_rates_or_of_another_are_refused(write_wav, tmp_path, settings):
  write_wav(tmp_path / '1.wav', ramp(0, 100), rate=16000)
  refused(settings, tmp_path, r'1.wav has 16,000 samples a second, not 8,000; set --config.data.rate=16000')
  write_wav(tmp_path / '2.wav', ramp(0, 100), rate=22050)
  refused(settings, tmp_path, r'1.wav has 16,000 samples a second, and .*2.wav 22,050; resample')
  refused(settings, tmp_path, '2.wav 22,050', rate=16000)


def test_silence_is_refused(write_wav, tmp_path, settings):
  write_wav(tmp_path / '1.wav', np.zeros(300))
  refused(settings, tmp_path, 'The split "train" of .* is silent')
  write_wav(tmp_path / '2.wav', ramp(0, 300))
  assert len(codes(settings, tmp_path, 'train')[1])


def test_what_is_too_short_is_refused(write_wav, tmp_path, settings):
  refused(settings, tmp_path, 'There are no .wav files in')
  write_wav(tmp_path / '1.wav', ramp(0, 50))
  refused(settings, tmp_path, 'No wav file of .* has --config.data.context=100 samples', context=100)
  refused(
    settings, tmp_path, 'The split "test" of .* has no window of --config.data.context=10', split='test'
  )
  refused(settings, tmp_path / 'none', 'There is no folder .*none; set --config.data.name=audio:<path>')


def test_damaged_files_are_named(write_wav, tmp_path, settings):
  write_wav(tmp_path / '1.wav', ramp(0, 300))
  whole = (tmp_path / '1.wav').read_bytes()
  wavfile.write(tmp_path / 'float.wav', 8000, np.zeros(300, np.float32))
  floating = (tmp_path / 'float.wav').read_bytes()
  (tmp_path / 'float.wav').unlink()
  no_pcm = 'cannot be read as a wav file of 8, 16, 24 or 32 bits'
  for content, sentence in (
    (whole[:-100], 'truncated: its header'),
    (whole[:20], 'truncated: its header'),
    (b'', 'truncated: its header'),
    (b'text' * 50, no_pcm),
    (floating, no_pcm),
    (whole[:40] + b'\xff\xff\xff\x7f' + whole[44:], 'truncated: its header'),
    (whole[:22] + b'\0\0' + whole[24:], no_pcm),
    (whole[:34] + b'\x40\0' + whole[36:], no_pcm),
    (whole[:24] + bytes(4) + whole[28:], r'bits \(1 channels, 0 samples a second\)'),
    (whole[:12] + whole[36:], 'samples come before their format'),
  ):
    (tmp_path / '2.wav').write_bytes(content)
    refused(settings, tmp_path, f'2.wav .*{sentence}')
