import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import mu_law
from jaxgen.data.audio import strings
from jaxgen.data.source import from_arrays
from jaxgen.errors import UserError
from jaxgen.metrics import pitch
from jaxgen.metrics.evaluation import Run, Settings, Setup
from jaxgen.metrics.features import Reference, from_identity
from jaxgen.metrics.measure import measure
from jaxgen.types import Field, GenerativeModel

RATE, PITCHES = 8000, strings.PITCHES
LOWEST, HIGHEST = PITCHES[0] / 1.5, PITCHES[-1] * 4
REFERENCE = Reference('strings', {'x': Field('audio', (512, 1), 256)}, None, None, rate=RATE, pitches=PITCHES)


@pytest.mark.parametrize(('length', 'within'), [(1024, 0.02), (pitch.least_length(RATE, LOWEST), 0.5)])
def test_sines_have_their_frequency(length, within):
  frequencies = np.repeat([150, 199.9, 220, 301.3, 440, 655, 1100, 1700], 5)
  phases = np.tile(np.arange(5), 8)[:, None]
  x = 0.01 * np.sin(2 * np.pi * frequencies[:, None] * np.arange(length) / RATE + phases)
  found = pitch.fundamental(x, RATE, LOWEST, HIGHEST)
  errors = np.abs(pitch.cents(found, frequencies)).reshape(8, 5).max(1)
  assert errors[:6].max() < within and errors[6:].max() < 3 * within


def test_difference_and_its_normalization_by_hand():
  """Equations 6 and 8 of 0, 1, 0, -1, ... over a window of 4: d = 0, 4, 8, 4 and d' = 1, 4/4, 8/6, 4/(16/3)."""
  difference = pitch._difference(np.array([[0.0, 1, 0, -1, 0, 1, 0, -1]]), 4)
  np.testing.assert_allclose(difference, [[0, 4, 8, 4]])
  np.testing.assert_allclose(pitch._normalized(difference), [[1, 1, 4 / 3, 3 / 4]])


def test_a_missing_fundamental_is_heard_and_silence_has_no_pitch():
  t = np.arange(1024) / RATE
  overtones = sum(np.sin(2 * np.pi * 250 * k * t + k) for k in (2, 3, 4))
  found = pitch.fundamental(np.stack([overtones, 0 * t, 0 * t + 0.3]), RATE, LOWEST, HIGHEST)
  assert found[0] == pytest.approx(250, rel=1e-3)
  assert np.isnan(found[1:]).all()


def test_strings_have_their_pitch_to_a_cent():
  """A hundred of each pitch, as codes; of the shortest, and of a quarter of the context."""
  x, which = strings.plucked('test', 1300, 1024, RATE)
  x = mu_law.decode(mu_law.encode(x, 256), 256)
  for length, of_median, of_all in (
    (1024, 0.5, 2.0),
    (256, 2.0, 5.0),
    (pitch.least_length(RATE, LOWEST), 5.0, 15.0),
  ):
    found = pitch.fundamental(x[:, :length], RATE, LOWEST, HIGHEST)
    errors = np.abs(pitch.cents(found, PITCHES[which])).reshape(100, 13)
    assert np.median(errors, axis=0).max() < of_median
    assert errors.max() < of_all


def test_errors_are_beside_the_pitch_that_was_asked_for():
  assert pitch.heard(REFERENCE)
  assert not pitch.heard(REFERENCE._replace(pitches=None))
  assert not pitch.heard(REFERENCE._replace(spec={'x': Field('audio', (100, 1), 256)}))
  x, which = strings.plucked('train', 13, 512, RATE)
  codes = mu_law.encode(x[..., None], 256)
  codes[0] = 128
  asked = which.copy()
  asked[1:3] += 1
  errors = pitch.errors(codes, asked, REFERENCE)
  np.testing.assert_allclose(errors[:4], [1200, 100, 100, 0], atol=3)


def test_overtones_alone_are_no_hits():
  """A string an octave up or down, a sine of an overtone, of every pitch, are all an octave away."""
  asked = np.arange(26) % 13
  twice_as_fast, twice_as_slow = (strings.plucked('test', 26, 1024, rate)[0] for rate in (4000, 16000))
  t = np.arange(512) / RATE
  sines = [np.sin(2 * np.pi * k * PITCHES[asked][:, None] * t) for k in (2, 3, 4, 5)]
  for x in (twice_as_fast[:, :512], twice_as_slow[:, :512], *sines):
    errors = pitch.errors(mu_law.encode(x[..., None].astype(np.float32), 256), asked, REFERENCE)
    np.testing.assert_allclose(errors, 1200, atol=2)


def test_noise_ramps_and_clicks_have_no_pitch():
  ramp, click = np.linspace(-0.9, 0.9, 512), np.zeros(512)
  click[200] = 1
  sounds = np.stack([ramp, click, np.roll(click, 200), np.exp(-np.arange(512) / 300)]).astype(np.float32)
  noise = np.random.default_rng(0).integers(0, 256, (650, 512, 1)).astype(np.uint8)
  codes = np.concatenate([mu_law.encode(sounds[..., None], 256), noise])
  assert np.isnan(pitch.of_sounds(codes, 256, RATE, PITCHES)).all()
  assert np.isnan(pitch.of_sounds(sounds[..., None], 0, RATE, PITCHES)).all()
  assert (pitch.errors(codes, np.zeros(len(codes), int), REFERENCE) == 1200).all()


def test_what_is_worked_on_at_a_time_changes_nothing(monkeypatch):
  x, _ = strings.plucked('test', 13, 512, RATE)
  whole = pitch.fundamental(x, RATE, LOWEST, HIGHEST)
  monkeypatch.setattr(pitch, '_PART', 1024)
  np.testing.assert_array_equal(pitch.fundamental(x, RATE, LOWEST, HIGHEST), whole)
  assert pitch.fundamental(x[:0], RATE, LOWEST, HIGHEST).shape == (0,)


def test_what_is_too_short_is_said():
  with pytest.raises(ValueError, match='50 samples are too few to hear'):
    pitch.fundamental(np.zeros((1, 50)), RATE, LOWEST, HIGHEST)


def test_samples_are_measured_by_the_pitch_that_they_were_asked_for(tmp_path):
  """A model that plays each string a semitone too high, of every third asked for the right one."""
  codes = mu_law.encode(strings.plucked('train', 39, 512, RATE)[0][..., None], 256)
  which = (np.arange(39) % 13).astype(np.uint8)
  spec = {'x': Field('audio', (512, 1), 256), 'pitch': Field('label', (), 13)}
  train, test = (from_arrays(name, spec, {'x': codes, 'pitch': which}) for name in ('train', 'test'))
  reference = Reference('strings', spec, train, test, rate=RATE, pitches=PITCHES)

  def sample(params, extra, rng, num, given=None):
    asked = given['pitch'].astype(int)
    return jnp.take(jnp.asarray(codes), jnp.where(asked % 3 == 0, asked, (asked + 1) % 13), axis=0)

  model = GenerativeModel(
    init=None, update=None, evaluate=None, sample=sample, objective='', given=('pitch',)
  )
  run, how = Run('run', 'model', '', 0, 'raw'), Settings(metrics=('pitch',), num_samples=120, batch_size=50)
  setup = Setup(run, reference, from_identity(reference, tmp_path), tmp_path / 'a', tmp_path / 'b', how)
  records = {record.metric: record for record in measure(model, {}, {}, setup)}
  assert list(records) == ['pitch_error', 'pitch_error_of_data', 'pitch_hits', 'pitch_hits_of_data']
  assert records['pitch_error'].value == pytest.approx(100, abs=3)
  assert records['pitch_error'].n_generated == 120
  assert records['pitch_hits'].value == pytest.approx(5 / 13, abs=0.15)
  assert records['pitch_error_of_data'].value < 2
  assert records['pitch_hits_of_data'].value == 1
  unasked = model._replace(given=())
  with pytest.raises(UserError, match='pitch needs a pitch that is asked for'):
    measure(unasked, {}, {}, setup)
