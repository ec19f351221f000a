from pathlib import Path

import jax

from jaxgen import versions


def test_what_a_number_depends_on_names_packages_and_the_processor():
  found = versions.versions()
  assert found['jax'] == jax.__version__
  assert found['device'] == f'{jax.device_count()} x {jax.devices()[0].device_kind}'
  assert found['processor'].startswith(versions.processor())


def test_the_processor_is_called_what_the_system_calls_it(monkeypatch):
  monkeypatch.setattr(Path, 'read_text', lambda path: 'processor\t: 0\nmodel name\t: Some Chip 9000\n')
  monkeypatch.setattr(Path, 'exists', lambda path: str(path) == '/proc/cpuinfo')
  assert versions.processor() == 'Some Chip 9000'


def test_where_the_system_says_nothing_the_architecture_stands_for_it(monkeypatch):
  monkeypatch.setattr(Path, 'exists', lambda path: False)
  assert versions.processor()
