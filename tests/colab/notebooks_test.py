"""Every notebook runs from top to bottom, and is stored as it should be."""

import os
import re
import shutil
import tomllib
from pathlib import Path

import nbformat
import pytest

from tests.colab.notebooks import NAMES, assert_it_runs_and_shows_pictures, code_cells, stored
from tests.conftest import ROOT

# That of the microscope runs in tests/experiments/microscope_test.py, with what is compiled there.
FAMILIES = [name for name in NAMES if name != 'microscope']


def test_there_is_one_for_each_family_and_one_that_compares_them():
  assert NAMES == ['autoregressive', 'flow', 'gan', 'microscope', 'score', 'vae']


@pytest.mark.slow
@pytest.mark.parametrize('name', FAMILIES)
def test_it_runs_and_shows_pictures(name, tmp_path):
  assert_it_runs_and_shows_pictures(name, tmp_path)


@pytest.mark.parametrize('name', NAMES)
def test_what_it_imports_of_the_project_is_there(name):
  code = '\n'.join(cell.source for cell in code_cells(stored(name)))
  imports = re.findall(r'^(?:from|import) (?:jaxgen|configs|experiments)\b.*', code, re.MULTILINE)
  assert imports
  exec('\n'.join(imports), {})


@pytest.mark.parametrize('name', NAMES)
def test_it_is_stored_without_outputs(name):
  notebook = stored(name)
  nbformat.validate(notebook)
  assert all(cell.outputs == [] and cell.execution_count is None for cell in code_cells(notebook))


@pytest.mark.parametrize('name', NAMES)
def test_it_names_no_repository_that_the_package_does_not_name(name):
  with (ROOT / 'pyproject.toml').open('rb') as file:
    ours = tomllib.load(file)['project'].get('urls', {}).values()
  text = '\n'.join(cell.source for cell in stored(name).cells)
  named = re.findall(r'https?://[^\s)]*git[^\s)]*', text)
  assert all(any(address.startswith(our) for our in ours) for address in named)


def test_without_a_checkout_it_unpacks_the_one_that_was_uploaded(tmp_path, monkeypatch):
  (tmp_path / 'checkout' / 'configs').mkdir(parents=True)
  shutil.make_archive(str(tmp_path / 'colab' / 'jaxgen'), 'zip', tmp_path / 'checkout')
  monkeypatch.chdir(tmp_path / 'colab')
  for name in NAMES:
    set_up = next(cell.source for cell in code_cells(stored(name)) if 'jaxgen.zip' in cell.source)
    exec(set_up.partition('try:')[0], {'os': os})
    assert Path.cwd() == tmp_path / 'colab' / 'jaxgen'
    exec(set_up.partition('try:')[0], {'os': os})  # run again
    os.chdir('..')


@pytest.mark.parametrize('name', NAMES)
def test_it_trains_a_config_by_the_one_call(name):
  source = '\n'.join(cell.source for cell in code_cells(stored(name)))
  assert 'from jaxgen.train import train' in source
  assert 'from configs.' in source
