"""What is installed: a wheel holds every module and every config, and a config is found by its name."""

import shutil
import subprocess
import sys
import zipfile

import pytest

import jaxgen
from jaxgen import config_files
from jaxgen.errors import UserError
from tests.conftest import ROOT

CONFIGS = sorted(path.stem for path in (ROOT / 'configs').glob('*.py'))


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
  """The wheel of a copy of the sources, built without a network and without a trace in this folder."""
  source, folder = tmp_path_factory.mktemp('source'), tmp_path_factory.mktemp('wheel')
  for name in ('jaxgen', 'configs'):
    shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns('__pycache__'))
  for name in ('pyproject.toml', 'setup.py', 'README.md', 'LICENSE'):
    shutil.copy(ROOT / name, source)
  pip = [sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-index', '--no-deps', '--no-build-isolation']
  subprocess.run([*pip, f'--wheel-dir={folder}', source], check=True)
  [path] = folder.glob('*.whl')
  return path


def test_a_wheel_holds_every_module_and_every_config_and_nothing_else(wheel):
  files = {name for name in zipfile.ZipFile(wheel).namelist() if '.dist-info/' not in name}
  modules = {str(path.relative_to(ROOT)) for path in (ROOT / 'jaxgen').rglob('*') if path.suffix != '.pyc'}
  modules = {name for name in modules if (ROOT / name).is_file()}
  assert files == modules | {f'jaxgen/configs/{name}.py' for name in CONFIGS}


def test_a_wheel_is_of_the_version_that_the_package_states(wheel):
  assert wheel.name.startswith(f'jaxgen-{jaxgen.__version__}-')


def test_what_is_installed_finds_its_configs_by_name_in_any_folder(wheel, tmp_path):
  zipfile.ZipFile(wheel).extractall(tmp_path / 'site')
  code = (
    "from jaxgen.config_files import *; print(find('glow_digits'), find('configs/vae_digits.py'), *names())"
  )
  done = subprocess.run(
    [sys.executable, '-c', code],
    cwd=tmp_path,
    env={'PYTHONPATH': str(tmp_path / 'site')},
    capture_output=True,
    text=True,
    check=True,
  )
  folder = tmp_path / 'site' / 'jaxgen' / 'configs'
  assert done.stdout.split() == [f'{folder}/glow_digits.py', f'{folder}/vae_digits.py', *CONFIGS]


def test_a_checkout_finds_its_configs_by_name_too(tmp_path, monkeypatch):
  assert config_files.names() == CONFIGS
  monkeypatch.chdir(tmp_path)
  assert config_files.find('glow_digits') == ROOT / 'configs' / 'glow_digits.py'


def test_a_file_of_ones_own_comes_before_the_config_of_that_name(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  (tmp_path / 'configs').mkdir()
  (tmp_path / 'configs' / 'glow_digits.py').touch()
  assert config_files.find('configs/glow_digits.py').resolve() == tmp_path / 'configs' / 'glow_digits.py'


@pytest.mark.parametrize('name', ['glow_digit', 'my/glow_digits.py', 'nothing', ''])
def test_a_config_that_is_nowhere_is_a_sentence(name):
  with pytest.raises(UserError, match=f'There is no config file {name}; '):
    config_files.find(name)


def test_the_command_line_takes_a_name(run_python, tmp_path):
  done = run_python(
    '-m', 'jaxgen.main', '--config', 'vae_digits:smoke', '--mode=plan', '--workdir', tmp_path / 'run'
  )
  assert done.returncode == 0, done.stderr
  assert 'jaxgen.models.vae.vae_conv' in done.stdout
