"""A run on text keeps what its samples are read with."""

import numpy as np
import pytest

from jaxgen import data, train
from jaxgen.data import vocabulary
from jaxgen.data.vocabulary import Vocabulary
from jaxgen.errors import UserError
from tests.tiny_config import get_config


def test_the_folder_of_a_run_reads_its_tokens_without_the_text(tmp_path):
  text = tmp_path / 'mine.txt'
  text.write_text('a text that goes away; ' * 200)
  config = get_config('smoke')
  config.data.update(dict(name=f'text:{text}', context=16))
  config.update(dict(eval_every=0, sample_every=0))
  train.train(config, tmp_path / 'run')
  tokens = data.load(config.data, 'test').examples(np.arange(1))['x'][0]
  text.unlink()
  assert vocabulary.read(tmp_path / 'run').decode(tokens) in 'a text that goes away; ' * 200


def test_a_run_on_images_keeps_none(tmp_path):
  config = get_config('smoke')
  config.update(dict(eval_every=0, sample_every=0))
  train.train(config, tmp_path / 'run')
  assert vocabulary.read(tmp_path / 'run') is None


@pytest.mark.parametrize(
  'damaged',
  [
    Vocabulary('bpe', 300, merges='no merges'),
    Vocabulary('characters', 7, 'ab'),
    Vocabulary('bytes', 2),
  ],
)
def test_one_that_contradicts_itself_is_refused(tmp_path, damaged):
  if damaged.kind == 'bpe':
    pytest.importorskip('tokenizers')
  vocabulary.save(tmp_path, damaged)
  with pytest.raises(UserError, match='vocabulary.json is damaged; put back a copy of it'):
    vocabulary.read(tmp_path)
