"""Every notebook runs from top to bottom, at the preset 'smoke', in a kernel of its own."""

import importlib.metadata
import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent.parent
NAMES = sorted(path.stem for path in (ROOT / 'colab').glob('*.ipynb'))
READS = ('configs', 'experiments')  # of the repository; what a notebook writes lands beside copies of these


def stored(name):
  return nbformat.read(ROOT / 'colab' / f'{name}.ipynb', as_version=4)


def code_cells(notebook):
  return [cell for cell in notebook.cells if cell.cell_type == 'code']


def run(name, root):
  """The notebook with its outputs, started in colab/, as Jupyter does, of a repository without colab/ itself."""
  (root / 'colab').mkdir()
  for folder in READS:
    (root / folder).symlink_to(ROOT / folder)
  where = {'metadata': {'path': str(root / 'colab')}}
  environment = os.environ | {'JAXGEN_PRESET': 'smoke', 'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0'}
  return NotebookClient(stored(name), timeout=900, resources=where).execute(env=environment)


def test_there_is_one_for_each_family_and_one_that_compares_them():
  assert NAMES == ['autoregressive', 'flow', 'gan', 'microscope', 'score', 'vae']


@pytest.mark.parametrize('name', NAMES)
def test_it_runs_and_shows_pictures(name, tmp_path):
  importlib.metadata.version('jaxgen')  # where it is not installed, a notebook would install it
  outputs = [output for cell in code_cells(run(name, tmp_path)) for output in cell.outputs]
  shown = [kind for output in outputs for kind in output.get('data', {}) if kind.startswith('image/')]
  assert len(shown) >= 2
  assert all(output.output_type != 'error' for output in outputs)
  assert any((tmp_path / 'runs' / 'colab' / 'smoke').iterdir())


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
