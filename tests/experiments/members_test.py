"""What the experiments on codes and on text print of numbers that are known."""

import lzma

import numpy as np

from experiments.codes.__main__ import recognized
from experiments.text.__main__ import compressed
from experiments.text.__main__ import main as text


def test_shares_of_what_is_recognized():
  probabilities = np.array([[0.95, 0.05], [0.6, 0.4], [0.02, 0.98], [0.97, 0.03]])
  shares = recognized(probabilities, np.array([0, 0, 1, 1]))
  assert shares == {
    'confident': 0.75,
    'class asked for': 0.75,
    'both': 0.5,
    'rarest class': 0.25,
    'commonest class': 0.75,
  }
  assert 'both' not in recognized(probabilities, None)


def test_a_compressor_that_has_seen_the_text_needs_next_to_nothing():
  part = np.random.default_rng(0).integers(32, 127, 5000, np.uint8).tobytes()
  sizes = compressed(part, part, len(part))
  alone, after = sizes['xz -9e']
  assert alone == 8 * len(lzma.compress(part, preset=9 | lzma.PRESET_EXTREME)) / 5000
  assert alone > 6 and after < 0.2  # 95 letters at random have 6.57 bits each


def test_a_folder_without_a_run_is_one_sentence(tmp_path, capsys):
  assert text([f'--workdir={tmp_path}']) == 2
  captured = capsys.readouterr()
  assert captured.err.startswith('text: ') and captured.err.count('\n') == 1
