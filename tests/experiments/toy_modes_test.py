"""The table of recipes: what counts as reached, and what goes on after a kill."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from configs import gan_toy
from experiments.toy_modes import __main__ as command
from experiments.toy_modes.recipes import RECIPES, SETS
from experiments.toy_modes.table import reached, table

ROW = dict(recipe='gan_toy', set=SETS[0], seed=0, steps=10, versions={'jax': '1'})
GOOD = ROW | dict(covered=25, total=25, close=0.95, rarest=0.5, cpu_minutes=0.25)


@pytest.mark.parametrize('recipe', RECIPES)
def test_a_recipe_is_overrides_of_the_config(recipe):
  config = gan_toy.get_config()
  config.update_from_flattened_dict(RECIPES[recipe])  # which refuses keys that there are not


def test_reached_is_all_modes_and_nine_of_ten_samples():
  assert reached(GOOD)
  assert not reached(GOOD | {'covered': 24})
  assert not reached(GOOD | {'close': 0.89})
  assert not reached(ROW | {'failure': 'Not finite at step 3'})


def test_the_table_has_the_worst_and_the_best_of_the_seeds():
  text = table([GOOD, GOOD | {'seed': 1, 'covered': 24, 'close': 0.5, 'rarest': 0.0}])
  assert '| `gan_toy` | 1 of 2 | 24 to 25 of 25 | 50.0% to 95.0% | 0.00 | 10 | 0.25 |' in text
  assert '| **`gan_toy`** | 5 of 5 |' in table([GOOD | {'seed': seed} for seed in range(5)])
  assert '| `gan_toy` | 1 of 1 |' in table([GOOD])
  assert '| `gan_toy` | 0 of 1 | Not finite |' in table([ROW | {'failure': 'Not finite'}])


@pytest.mark.slow
def test_what_is_there_is_not_made_again(monkeypatch, tmp_path):
  out, line = tmp_path / 'out', ['', '--recipes=gan_toy', f'--sets={SETS[1]}', '--steps=3']
  line += [f'--runs={tmp_path / "runs"}', f'--out={out}']
  monkeypatch.setattr(sys, 'argv', [*line, '--seeds=1'])
  command.main()
  first = (out / 'results.jsonl').read_text()
  monkeypatch.setattr(sys, 'argv', [*line, '--seeds=2'])
  command.main()
  assert (out / 'results.jsonl').read_text().startswith(first)
  rows = [json.loads(each) for each in (out / 'results.jsonl').read_text().splitlines()]
  assert [row['seed'] for row in rows] == [0, 1]
  assert all(np.isfinite(row['close']) and row['total'] == 8 for row in rows)
  assert '0 of 2' in (out / 'results.md').read_text()
  assert Image.open(out / 'samples.png').size[0] > 100
