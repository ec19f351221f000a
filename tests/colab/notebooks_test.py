"""Every notebook runs from top to bottom, and is stored as it should be."""

import nbformat
import pytest

from tests.colab.notebooks import NAMES, assert_it_runs_and_shows_pictures, code_cells, stored

# That of the microscope runs in tests/experiments/microscope_test.py, with what is compiled there.
FAMILIES = [name for name in NAMES if name != 'microscope']


def test_there_is_one_for_each_family_and_one_that_compares_them():
  assert NAMES == ['autoregressive', 'flow', 'gan', 'microscope', 'score', 'vae']


@pytest.mark.parametrize('name', FAMILIES)
def test_it_runs_and_shows_pictures(name, tmp_path):
  assert_it_runs_and_shows_pictures(name, tmp_path)


@pytest.mark.parametrize('name', NAMES)
def test_it_is_stored_without_outputs(name):
  notebook = stored(name)
  nbformat.validate(notebook)
  assert all(cell.outputs == [] and cell.execution_count is None for cell in code_cells(notebook))


@pytest.mark.parametrize('name', NAMES)
def test_it_opens_in_colab(name):
  badge = 'https://colab.research.google.com/assets/colab-badge.svg'
  address = f'https://colab.research.google.com/github/jaxgen/jaxgen/blob/main/colab/{name}.ipynb'
  assert f'[![Open in Colab]({badge})]({address})' in stored(name).cells[0].source


@pytest.mark.parametrize('name', NAMES)
def test_it_trains_a_config_by_the_one_call(name):
  source = '\n'.join(cell.source for cell in code_cells(stored(name)))
  assert 'from jaxgen.train import train' in source
  assert 'from configs.' in source
