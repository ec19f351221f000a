"""The pages of `docs/` are built without a network and without a warning, and show everything that there is."""

import html
import json
import os
import re
import subprocess
import sys

import pytest

from jaxgen import config, config_files
from jaxgen.models.autoregressive import codes_prior
from tests.conftest import ROOT

pytest.importorskip('mkdocs', reason="needs pip install -e '.[docs]'")


@pytest.fixture(scope='module')
def site(tmp_path_factory):
  folder = tmp_path_factory.mktemp('site')
  command = [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--quiet', f'--site-dir={folder}']
  nowhere = {
    f'{scheme}_proxy': 'http://127.0.0.1:9' for scheme in ('http', 'https')
  }  # whatever were fetched would fail
  done = subprocess.run(command, cwd=ROOT, env=os.environ | nowhere, capture_output=True, text=True)
  assert done.returncode == 0, done.stdout + done.stderr
  return folder


def test_a_reader_s_browser_fetches_nothing_from_elsewhere(site):
  loads = re.compile(r'<(?:script|link|img|iframe)\b[^>]*(?:src|href)="(https?:)?//')
  pages = list(site.rglob('*.html'))
  assert len(pages) > 10
  assert not [page for page in pages if loads.search(page.read_text())]
  styles = [
    path
    for path in site.rglob('*.css')
    if re.search(r'(?:url\(|@import)\s*["\']?(https?:)?//', path.read_text())
  ]
  assert not styles


def test_the_gallery_shows_every_config_and_what_it_reached(site):
  page = (site / 'gallery' / 'index.html').read_text()
  for name in config_files.names():
    assert f'<h3 id="{name}">' in page
  rows = map(json.loads, (ROOT / 'experiments/digits/results.jsonl').read_text().splitlines())
  for row in (row for row in rows if 'bits_per_dim' in row['metrics']):
    exhibit = page.partition(f'<h3 id="{row["name"]}">')[2].partition('<h3')[0]
    assert f'<td>{row["metrics"]["bits_per_dim"]:.3g}</td>' in exhibit
  for picture in re.findall(r'<img[^>]*src="([^"]*)"', page):
    assert (site / 'gallery' / picture).resolve().is_file()
  assert 'pictures/uses/pixelcnn_digits.gif' in page


def test_the_reference_of_keys_has_every_key(site):
  page = html.unescape((site / 'keys' / 'index.html').read_text())
  keys = [key for key in config._flat(config.defaults().to_dict()) if key != 'model']
  assert 'optimizer.learning_rate' in keys
  assert not [key for key in keys if f'<code>{key}</code>' not in page]
  assert '<code>model.coupling</code>' in page


def test_the_reference_of_keys_has_every_stage_of_a_model(site):
  page = html.unescape((site / 'keys' / 'index.html').read_text())
  section = page.partition('jaxgen.models.autoregressive.codes_prior</code></h2>')[2].partition('<h2')[0]
  assert '<code>stages.decoder</code></td>' in section and codes_prior.STAGES['decoder'].meaning in section


def test_every_module_with_something_public_is_in_the_api(site):
  pages = ''.join(path.read_text() for path in site.glob('api/*/index.html'))
  modules = [
    path.relative_to(ROOT) for path in (ROOT / 'jaxgen').rglob('*.py') if not path.name.startswith('_')
  ]
  names = ['.'.join(path.with_suffix('').parts) for path in modules]
  assert not [name for name in names if not re.search(f'<h2 id="[a-z0-9_]*">{name}<', pages)]
