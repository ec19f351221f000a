"""The notebooks of `colab/`, and how one is run from top to bottom."""

import importlib.metadata
import os

import nbformat
from nbclient import NotebookClient

from tests.conftest import ROOT

NAMES = sorted(path.stem for path in (ROOT / 'colab').glob('*.ipynb'))
READS = ('configs', 'experiments')  # of the repository; what a notebook writes lands beside copies of these


def stored(name):
  return nbformat.read(ROOT / 'colab' / f'{name}.ipynb', as_version=4)


def code_cells(notebook):
  return [cell for cell in notebook.cells if cell.cell_type == 'code']


def assert_it_runs_and_shows_pictures(name, root):
  """At the preset 'smoke', in a kernel of its own, below the folder `root`."""
  importlib.metadata.version('jaxgen')  # where it is not installed, a notebook would install it
  outputs = [output for cell in code_cells(_run(name, root)) for output in cell.outputs]
  shown = [kind for output in outputs for kind in output.get('data', {}) if kind.startswith('image/')]
  assert len(shown) >= 2
  assert all(output.output_type != 'error' for output in outputs)
  assert any((root / 'runs' / 'colab' / 'smoke').iterdir())


def _run(name, root):
  """The notebook with its outputs, started in colab/, as Jupyter does, of a repository without colab/ itself."""
  (root / 'colab').mkdir()
  for folder in READS:
    (root / folder).symlink_to(ROOT / folder)
  where = {'metadata': {'path': str(root / 'colab')}}
  environment = os.environ | {'JAXGEN_PRESET': 'smoke', 'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0'}
  return NotebookClient(stored(name), timeout=900, resources=where).execute(env=environment)
