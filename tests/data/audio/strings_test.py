import cmath
import math

import numpy as np
import pytest

from jaxgen import data, mu_law
from jaxgen.data.audio import strings
from jaxgen.errors import UserError


@pytest.mark.parametrize('rate', [4000, 8000, 44100])
def test_a_round_of_the_loop_is_one_period_of_the_fundamental(rate):
  """The phase of the whole loop at the fundamental is a whole turn, and its gain falls by 60 dB in a second."""
  for frequency in strings.PITCHES:
    delay, allpass, loss = strings.loop(frequency, rate)
    back = cmath.exp(-2j * math.pi * frequency / rate)  # z^-1
    response = loss * back**delay * (1 + back) / 2 * (allpass + back) / (1 + allpass * back)
    assert cmath.phase(response) == pytest.approx(0, abs=1e-9)
    gain = 10 ** (-3 / frequency)
    assert abs(response) == pytest.approx(gain, rel=1e-9) or (abs(response) < gain and loss == 1)
    assert abs(allpass) < 1 and delay >= 1


def test_pitches_are_a_chromatic_octave_from_a_to_a():
  np.testing.assert_allclose(strings.PITCHES[[0, 5, 12]], [220, 293.6648, 440], rtol=1e-6)


def test_strings_are_a_function_of_their_split_and_place():
  x, pitch = strings.plucked('train', 30, 300, 8000)
  fewer, _ = strings.plucked('train', 20, 200, 8000)
  np.testing.assert_array_equal(x[:20, :200], fewer)
  assert pitch.tolist() == [*range(13), *range(13), 0, 1, 2, 3]
  other, _ = strings.plucked('test', 30, 300, 8000)
  assert not (x == other).all(1).any()
  assert len(np.unique(x[::13], axis=0)) == 3  # one pitch, another pluck


def test_strings_are_loud_have_no_mean_and_decay():
  x, _ = strings.plucked('train', 130, 2048, 8000)
  assert 0.89 < np.abs(x).max() <= 1
  assert np.abs(x.mean(1)).max() < 0.01
  loud = np.sqrt((x.reshape(130, 4, 512) ** 2).mean(2))
  assert (loud[:, 1:] < loud[:, :-1]).all()


def test_the_source_has_codes_pitches_and_their_frequencies(settings):
  config = settings('audio:strings', validation=0.1, context=64, levels=1024)
  source = data.load(config, 'train')
  assert len(source) == 2000 and [len(data.load(config, split)) for split in ('validation', 'test')] == [
    260,
    260,
  ]
  assert source.pitches is strings.PITCHES
  batch = source.examples(np.arange(40))
  assert batch['x'].dtype == np.int32 and batch['x'].max() > 900
  sound, pitch = strings.plucked('train', 40, 64, 8000)
  assert np.abs(mu_law.decode(batch['x'], 1024)[..., 0] - sound).max() < 0.01
  np.testing.assert_array_equal(batch['pitch'], pitch)


def test_a_rate_that_is_too_low_is_refused(settings):
  with pytest.raises(UserError, match='rate=2000 is too low for audio:strings; set it to 4,000 or more'):
    data.load(settings('audio:strings', rate=2000), 'train')
