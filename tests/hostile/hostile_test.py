"""Hundreds of hostile commands in one process: each ends in exit code 2 and one sentence, and leaves nothing behind.

Models are built here and there, but none is compiled: every command is refused before.
"""

import importlib
import math
import re
import sys

import pytest

from jaxgen import config_files, config_keys, process
from jaxgen import main as command_line
from jaxgen.config_keys import Key
from tests.conftest import ROOT
from tests.hostile import files, rows, runs

TINY = f'--config={ROOT}/tests/tiny_config.py:smoke'
# One config for each model, of which the keys are tried.
CONFIGS = (
  'vae_digits',
  'gan_digits',
  'gan_toy',
  'glow_digits',
  'realnvp_toy',
  'pixelcnn_digits',
  'rnnlm_text',
  'transformer_markov',
  'ncsn_digits',
  'ncsn_toy',
  'cyclegan_digits',
  'pix2pix_digits',
  'vaegan_digits',
  'biggan_vae_digits',
  'biggan_digits',
  'stylegan_digits',
  'vqvae_digits',
  'iaf_vae_digits',
  'tabular_vae_wine',
  'sentence_vae_text',
)


@pytest.fixture(scope='module')
def prepared(tmp_path_factory):
  folder = tmp_path_factory.mktemp('hostile')
  files.write(folder)
  runs.write(folder)
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(process, 'set_up', lambda: None)
    patch.setattr(sys, 'argv', ['jaxgen', TINY, f'--workdir={folder}/run', '--config.num_steps=2'])
    assert command_line.main() == 0
  return folder


@pytest.fixture
def refused(prepared, tmp_path, monkeypatch, capsys):
  """Runs a command, and looks at what it did."""
  monkeypatch.setattr(
    process, 'set_up', lambda: None
  )  # it changes the whole process, and has tests of its own
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  monkeypatch.chdir(tmp_path)

  def call(arguments, sentence):
    before = sorted(prepared.rglob('*'))
    sys.stderr.reconfigure(errors='backslashreplace')  # as `process.set_up` does
    arguments = [text.replace('{files}', str(prepared)) for text in arguments]
    arguments = [text.replace('{run}', str(prepared / 'run')) for text in arguments]
    monkeypatch.setattr(sys, 'argv', ['jaxgen', *arguments])
    code = command_line.main()
    out, err = capsys.readouterr()
    assert (code, err.count('\n')) == (2, 1), err
    assert err.startswith('jaxgen: ')
    assert 'Traceback' not in out + err
    assert any(piece in err for piece in sentence.split('|')), err
    left = [path for path in (*tmp_path.rglob('*'), *prepared.rglob('*')) if path not in before]
    assert [path for path in left if '__pycache__' not in path.parts] == []

  return call


def flat(keys, prefix):
  for name, key in keys.items():
    if isinstance(key, Key):
      yield f'{prefix}{name}', key
    else:
      yield from flat(key, f'{prefix}{name}.')


def bad_texts(key):
  """What somebody could write in the place of a value that the key may have."""
  kind = config_keys._entry_type(key.type)
  texts = []
  if kind in (int, float):
    low, high = map(float, key.range[1:-1].split(','))
    texts = ['many', '1.5'] if kind is int else ['much', 'nan', 'inf', '-inf']
    texts += [f'{low - 1:.0f}'] if math.isfinite(low) else []
    texts += [f'{low:.0f}'] if key.range[0] == '(' else []
    texts += [f'{high + 1:.0f}', '9' * 30] if math.isfinite(high) else []
    texts += [f'{high:g}'] if math.isfinite(high) and key.range[-1] == ')' else []
  elif key.choices:
    texts = ['zzz', '3']
  elif kind is bool:
    texts = ['maybe', '3']
  if key.type is not kind:
    entries = [f'({text},)' for text in texts if text not in ('many', '9' * 30)]
    texts = [*entries, *(['()'] if key.least else [])] if kind is int else []
  return texts


def key_rows():
  for name, key in flat({k: v for k, v in config_keys.KEYS.items() if k != 'module'}, ''):
    for text in bad_texts(key):
      yield f'{name}={text}', ('vae_digits', name, text)
  for config in CONFIGS:
    module = importlib.import_module(config_files.load(f'{config}:smoke').module)
    for name, key in (*flat(module.KEYS, 'model.'), *flat(getattr(module, 'SAMPLER', {}), 'sampler.')):
      for text in bad_texts(key):
        yield f'{config} {name}={text}', (config, name, text)
  for name, key in flat(config_keys.OPTIMIZER, 'discriminator_optimizer.'):
    for text in bad_texts(key):
      yield f'{name}={text}', ('gan_digits', name, text)


KEY_ROWS = dict(key_rows())


@pytest.mark.parametrize('row', KEY_ROWS)
def test_a_value_out_of_its_range(refused, row):
  config, name, text = KEY_ROWS[row]
  refused([f'--config={config}:smoke', f'--config.{name}={text}'], f'config.{name}=')


@pytest.mark.parametrize('row', rows.ARGUMENTS | rows.MODULES)
def test_arguments(refused, row):
  arguments, sentence = (rows.ARGUMENTS | rows.MODULES)[row]
  arguments = [arguments] if row == 'a module with a space' else arguments.split(' ')
  refused(['--workdir=run', TINY, *arguments], sentence)


@pytest.mark.parametrize('row', rows.DATA)
def test_data(refused, row):
  name, sentence = rows.DATA[row]
  refused(['--workdir=run', '--config=glow_digits:smoke', f'--config.data.name={name}'], sentence)


@pytest.mark.parametrize('row', rows.ARCHIVES)
def test_archives(refused, row):
  name = f'npz:{{files}}/{row}.npz'
  refused(['--workdir=run', TINY, f'--config.data.name={name}'], rows.ARCHIVES[row])


@pytest.mark.parametrize('row', rows.FOLDERS)
def test_folders(refused, row):
  refused(['--workdir=run', TINY, f'--config.data.name=folder:{{files}}/{row}'], rows.FOLDERS[row])


@pytest.mark.parametrize('row', rows.CONFIGS)
def test_config_files(refused, row):
  refused(['--workdir=run', f'--config={{files}}/{row}.py'], rows.CONFIGS[row])


@pytest.mark.parametrize('row', rows.FILES)
def test_what_is_no_config_file(refused, row):
  argument, sentence = rows.FILES[row]
  refused(['--workdir=run', argument], sentence)


@pytest.mark.parametrize('row', rows.FITS)
def test_what_does_not_fit_together(refused, row):
  config, arguments, sentence = rows.FITS[row]
  refused(['--workdir=run', f'--config={config}:smoke', *arguments.split(' ')], sentence)


@pytest.mark.parametrize('row', rows.RUNS)
def test_workdirs(refused, row):
  arguments, sentence = rows.RUNS[row]
  refused(['--mode=train', *re.findall(r'\S+', arguments)], sentence)


def test_there_are_hundreds():
  tables = (rows.ARGUMENTS, rows.MODULES, rows.DATA, rows.ARCHIVES, rows.FOLDERS, rows.CONFIGS, rows.FITS)
  assert len(KEY_ROWS) + sum(map(len, tables)) > 480
