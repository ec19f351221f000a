import wave

import numpy as np
import pytest

from jaxgen import mu_law, show
from jaxgen.data.audio import strings, wav
from jaxgen.metrics import pitch
from jaxgen.show import audio
from jaxgen.types import Field

FIELD = Field('audio', (1024, 1), 256)


def test_a_sine_is_a_line_of_its_frequency_and_level():
  """0 dB at full loudness; beyond the main lobe of the window all is 30 dB lower."""
  drawn = audio.spectrogram(np.sin(2 * np.pi * 1000 * np.arange(1024) / 8000).astype(np.float32))
  bins = drawn.shape[0]
  middle = drawn[:, drawn.shape[1] // 4 : -drawn.shape[1] // 4]
  place = bins - 1 - round(1000 / 4000 * (bins - 1))
  assert (middle.argmax(0) == place).all()
  np.testing.assert_allclose(middle.max(0), 0, atol=0.1)
  assert np.delete(middle, range(place - 2, place + 3), 0).max() < -30


def test_loud_sounds_are_drawn_larger_and_lighter():
  sine = np.sin(np.arange(1024) / 4)[:, None]
  x = mu_law.encode(np.stack([sine, sine / 10]).astype(np.float32), 256)
  loud, quiet = np.split(show.picture(x, FIELD, columns=2), 2, axis=1)
  blue = (np.array(audio._INK)[None, None] == loud[:, : quiet.shape[1]]).all(-1).sum()
  assert blue > 4 * (np.array(audio._INK) == quiet).all(-1).sum() > 0
  assert loud[60:140].mean() > quiet[60:140].mean()


def test_surprise_is_drawn_beneath_the_sound_where_it_is():
  bits = np.zeros((2, 1024))
  bits[0, 512:] = 7.5
  drawn = audio.surprising(np.zeros((2, 1024, 1)), bits, 8000, columns=2)
  places = np.argwhere((drawn == np.array(audio._SURPRISE)).all(-1))
  assert len(places) == audio._WIDE // 2 * round(7.5 / 8 * audio._SPECTRUM)
  assert np.ptp(places[:, 1]) + 1 == audio._WIDE // 2
  assert np.ptp(places[:, 0]) + 1 == round(7.5 / 8 * audio._SPECTRUM)
  means = audio._means(np.arange(100.0))
  assert means[0] == 0 and means[-1] == 99


def test_silence_is_dark():
  drawn = show.picture(np.full((1, 1024, 1), 128, np.uint8), FIELD)
  assert (drawn[70:120, 60:200].max(-1) < 80).mean() > 0.95


def test_sounds_of_any_length_rate_and_silence_are_drawn():
  for length in (1, 3, 50, 5000):
    x = np.full((2, length, 2), 128, np.uint8)
    assert show.picture(x, Field('audio', (length, 2), 256), show.About(rate=44100)).shape[2] == 3


@pytest.mark.parametrize(('levels', 'width'), [(256, 2), (512, 2), (1024, 4), (65536, 4)])
def test_codes_that_are_written_and_read_again_are_the_same(tmp_path, levels, width):
  codes = np.arange(levels).astype(np.uint8 if levels <= 256 else np.int32)[None, :, None]
  _, path = show.save(codes, Field('audio', (levels, 1), levels), tmp_path / 'codes', show.About(rate=8000))
  assert wav.header(path) == (8000, levels, 1, width)
  np.testing.assert_array_equal(mu_law.encode(wav.read(path), levels), codes[0, :, 0])


def test_sounds_are_heard_one_after_the_other_at_their_rate_and_pitch(tmp_path):
  x, which = strings.plucked('train', 13, 1024, 16000)
  _, path = show.save(mu_law.encode(x[..., None], 256), FIELD, tmp_path / 'strings', show.About(rate=16000))
  with wave.open(str(path)) as file:
    assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (16000, 2, 1)
    heard = np.frombuffer(file.readframes(file.getnframes()), '<i2')
  each = 1024 + audio.pause(16000)
  assert len(heard) == 13 * each - 4000
  cut = np.stack([heard[place * each : place * each + 1024] for place in range(13)]) / 2**15
  assert not heard[1024:each].any()
  found = pitch.fundamental(cut, 16000, 150, 700)
  assert np.abs(pitch.cents(found, strings.PITCHES[which])).max() < 5
  np.testing.assert_array_equal(mu_law.encode(cut.astype(np.float32), 256), mu_law.encode(x, 256))
