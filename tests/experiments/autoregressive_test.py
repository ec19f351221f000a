"""Autoregressive models beside compressors: what is counted, and what is said of it."""

import lzma
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import arguments
from experiments.autoregressive import reached, report
from experiments.autoregressive.__main__ import CONFIGS, main, often
from experiments.autoregressive.compressors import compressed, decoded, split_of, there_are
from experiments.autoregressive.reading import code_length, windows
from jaxgen import config_files
from jaxgen.data.source import from_arrays
from jaxgen.data.vocabulary import Vocabulary
from jaxgen.types import Field


def test_a_compressor_that_has_seen_the_text_needs_next_to_nothing():
  part = np.random.default_rng(0).integers(32, 127, 5000, np.uint8).tobytes()
  sizes = compressed(part, part, len(part))
  alone, after = sizes['xz -9e']
  assert alone == 8 * len(lzma.compress(part, preset=9 | lzma.PRESET_EXTREME)) / 5000
  assert alone > 6 and after < 0.2  # 95 letters at random have 6.57 bits each
  assert [name for name, _ in there_are()] == list(sizes)


def test_the_text_of_a_split_is_that_of_its_windows_and_of_sentences_without_what_fills_them_up(tmp_path):
  text = ''.join(chr(97 + number % 26) for number in range(1000))
  (tmp_path / 'mine.txt').write_text(text)
  config = config_files.load('charlm_text')
  config.data.update(dict(name=f'text:{tmp_path}/mine.txt', context=30, validation=0.1))
  split = split_of(config, 'validation')
  assert split.text == text[810:900] and split.train == text[:810]
  spec = {'x': Field('tokens', (3,), 3), 'observed': Field('mask', (3,), 2)}
  arrays = {'x': np.array([[1, 2, 0], [2, 0, 0]]), 'observed': np.array([[1, 1, 0], [1, 0, 0]])}
  assert decoded(from_arrays('two', spec, arrays, Vocabulary('characters', 3, 'ab'))) == 'abb'


def test_bits_per_character_are_those_of_all_examples():
  assert reached.per_character(np.log(2) * 300, 7, 1000) == pytest.approx(2.1)


@pytest.mark.parametrize(('size', 'context'), [(12, 4), (13, 4), (4, 4), (29, 5), (30, 5)])
def test_every_token_of_a_text_counts_once_and_is_given_half_a_window(size, context):
  found = np.zeros(size)
  for tokens, counted in windows(np.arange(size), context):
    assert tokens.shape == counted.shape == (4, context)
    np.add.at(found, tokens, counted)
    for window, counts in zip(tokens, counted, strict=True):
      np.testing.assert_array_equal(np.diff(window), 1)
      assert window[0] == 0 or counts[: context // 2].sum() == 0
  np.testing.assert_array_equal(found, 1)


class Letters(NamedTuple):
  """Tokens that are independent, of probabilities softmax(params)."""

  def entry_log_mass(self, params, extra, batch):
    return jax.nn.log_softmax(params)[batch['x']]


def test_a_model_that_learns_while_it_reads_takes_less_for_a_text_of_other_letters_and_counts_before_it_learns():
  text = np.random.default_rng(0).choice(4, 2000, p=[0.7, 0.1, 0.1, 0.1])
  params = jnp.zeros(4)
  still = code_length(Letters(), params, {}, text, 8)
  assert still == pytest.approx(2000 * np.log(4), rel=1e-5)
  entropy = -2000 * (0.7 * np.log(0.7) + 0.3 * np.log(0.1))
  learned = code_length(Letters(), params, {}, text, 8, rate=0.03)
  assert entropy < learned < 0.5 * (still + entropy)
  # letters at random: whoever has learned from a window before it counts takes less than they have
  noise = np.random.default_rng(1).integers(0, 4, 2000)
  assert code_length(Letters(), params, {}, noise, 8, rate=0.03) > 2000 * np.log(4)


@pytest.mark.parametrize('name', CONFIGS)
def test_text_is_evaluated_ten_times_and_between_dispatches(name):
  config = config_files.load(name)
  options = often(name)
  assert bool(options) == config.data.name.startswith('text:')
  for option in options:
    every = int(option.partition('=')[2])
    assert every % config.steps_per_dispatch == 0 and 10 <= config.num_steps // every <= 12


def row(name, **changes):
  return {
    'config': name,
    'command': f'python -m jaxgen.main --config=configs/{name}.py',
    'cpu_minutes': 1.5,
    'seed': 0,
    'steps': 800,
    'batch_size': 32,
    'parameters': 1234,
    'metrics': {'bits_per_dim': 1.75, 'negative_log_likelihood': 90.1},
    'errors': {'bits_per_dim': 0.01, 'negative_log_likelihood': 0.21},
    'examples': 10_000,
    'data': 'tfds:mnist',
    'binary': False,
    'device': 'cpu',
    'versions': {'jax': '0.10'},
    **changes,
  }


def test_every_row_has_its_own_unit_and_a_published_number_where_there_is_one():
  sizes = {'gzip -9': (2.5, 2.4), 'xz -9e': (2.2, 1.9)}
  splits = {split: {'characters': 1000, 'compressors': sizes} for split in ('test', 'validation')}
  text = row('charlm_text', bits_per_character=2.25, splits=splits, curve=[(400, 2.6), (800, 2.4)])
  said = report.table(
    [text, row('pixelcnn_binary_mnist', binary=True), row('pixelcnn_digits', cpu_minutes=None)]
  )
  assert '| `charlm_text` | 2.250 | bits per character | - | 1,234 | 800 x 32 | 1.5 | 0 |' in said
  assert '| `pixelcnn_binary_mnist` | 90.100 ± 0.210 | nats an image | 81.3 (PixelCNN), 79.2' in said
  assert '| `pixelcnn_digits` | 1.750 ± 0.010 | bits per entry | - | 1,234 | 800 x 32 | - | 0 |' in said
  assert '| gzip -9 | 2.500 | 2.400 | 2.500 | 2.400 |' in said
  assert '| the model, in windows | - | 2.250 | - | 2.400 |' in said and 'learn' not in said
  read = {'config': 'charlm_text', 'with_a_past': 2.2, 'learning': 2.1, 'rate': 1e-3}
  said = report.table([text], [read, read | {'config': 'rnnlm_text'}])
  assert '| the model, with half a window before | - | 2.200 | - | - |' in said
  assert said.count('learning as it reads | - | 2.100 |') == 1


def test_a_picture_is_made_of_text_alone(tmp_path):
  report.picture([row('pixelcnn_digits')], tmp_path / 'none.png')
  assert not (tmp_path / 'none.png').exists()


def test_a_config_that_is_none_is_one_sentence(monkeypatch, capsys):
  monkeypatch.setattr('sys.argv', ['autoregressive', '--configs=charlm'])
  with pytest.raises(SystemExit, match='2'):
    arguments.run(main)
  said = capsys.readouterr().err
  assert said.count('\n') == 1 and said.startswith('jaxgen: ') and '"charlm" is none of' in said
