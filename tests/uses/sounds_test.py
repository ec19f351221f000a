"""Sound in the uses: what was asked for is heard, hidden halves are silent, and what is written is data again."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from jaxgen import data, mu_law, uses
from jaxgen.config_keys import DATA, default_values
from jaxgen.data.audio import strings, wav
from jaxgen.data.source import from_arrays
from jaxgen.types import Field
from jaxgen.uses import outliers

SPEC = {'x': Field('audio', (512, 1), 256), 'pitch': Field('label', (), 13)}
STRINGS = mu_law.encode(strings.plucked('train', 13, 512, 8000)[0][..., None], 256)
_load = data.load  # the fixture `make` replaces it


@pytest.fixture
def player(make, monkeypatch):
  """A model that plays one string of each pitch, of data that are these strings."""

  def sample(params, extra, rng, num, given=None):
    return jnp.take(jnp.asarray(STRINGS), given['pitch'].astype(int), axis=0)

  arrays = {split: {'x': STRINGS, 'pitch': np.arange(13, dtype=np.uint8)} for split in ('train', 'test')}

  def made(**changes):
    subject = make(SPEC, ('pitch',), arrays=arrays, sample=sample, knobs={}, **changes)
    sources = {
      split: from_arrays(split, SPEC, each, pitches=strings.PITCHES) for split, each in arrays.items()
    }
    monkeypatch.setattr(data, 'load', lambda config, split: sources[split])
    return subject

  return made


def test_samples_say_which_pitch_was_asked_for_and_which_they_have(player, tmp_path, capsys):
  player()
  written = uses.use(tmp_path, options=uses.Options(use=('samples',), num=4, given={'pitch': '5,12'}))
  record = json.loads(written['samples.json'].read_text())
  assert record['asked_hz'] == [293.66, 440.0] * 2
  np.testing.assert_allclose(record['heard_hz'], record['asked_hz'], rtol=1e-3)
  assert 0 < record['median_pitch_error_cents'] < 2
  assert 'median pitch error cents' in capsys.readouterr().out
  assert wav.header(written['samples.wav']) == (8000, 4 * 512 + 3 * 2000, 1, 2)


def test_half_a_sound_is_continued_and_what_is_hidden_is_silent(player, tmp_path):
  seen = []

  def complete(params, extra, rng, batch, observed):
    jax.debug.callback(seen.append, batch['x'])
    return jnp.where(observed, batch['x'], jnp.asarray(STRINGS)[: len(batch['x'])])

  player(complete=complete)
  written = uses.use(tmp_path, options=uses.Options(use=('completion',), num=2))
  jax.effects_barrier()
  assert {path.suffix for path in written.values()} == {'.png', '.wav', '.json'}
  assert not np.asarray(seen[0])[:, 256:].any()
  np.testing.assert_array_equal(np.asarray(seen[0])[:, :256], STRINGS[:2, :256])
  sound = wav.read(written['completion_half_drawn.wav'])
  np.testing.assert_array_equal(mu_law.encode(sound[:512], 256), STRINGS[0, :, 0])


def test_a_folder_of_wav_files_below_their_pitches_is_data(player, tmp_path):
  player()
  options = uses.Options(use=('export',), num=26, form='folder')
  folder = uses.use(tmp_path, options=options)['export']
  assert len(list(folder.glob('*/*.wav'))) == 26
  assert all(len(path.name) == 2 for path in folder.iterdir())
  config = ConfigDict({**default_values(DATA), 'name': f'audio:{folder}', 'context': 512, 'validation': 0.0})
  again = _load(config, 'train').resident()['x']
  assert {row.tobytes() for row in again} <= {row.tobytes() for row in STRINGS}


def test_an_archive_of_sounds_is_data(player, tmp_path):
  player()
  path = uses.use(tmp_path, options=uses.Options(use=('export',), num=20))['export.npz']
  config = ConfigDict({**default_values(DATA), 'name': f'npz:{path}', 'validation': 0.0})
  assert _load(config, 'train').spec == SPEC


def test_sets_made_of_sounds_differ_in_what_they_say():
  x, field = STRINGS, SPEC['x']
  sets = outliers.made(x, field, jax.random.key(0))
  assert set(sets) == {'smoothed', 'silent', 'reversed', 'permuted', 'noise'}
  assert (sets['silent'] == 128).all()
  np.testing.assert_array_equal(sets['reversed'][:, ::-1], x)
  np.testing.assert_array_equal(np.sort(sets['permuted'], 1), np.sort(x, 1))
  rough = lambda y: np.diff(mu_law.decode(y, 256), axis=1).std()  # noqa: E731
  assert rough(sets['smoothed']) < rough(x) < rough(sets['permuted'])
  assert all(y.dtype == x.dtype and y.shape == x.shape for y in sets.values())
  finer = outliers.matched(x, field, field._replace(levels=1024))
  np.testing.assert_allclose(mu_law.decode(finer, 1024), mu_law.decode(x, 256), atol=0.02)
