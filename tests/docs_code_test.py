"""The programs of docs/bijectors.md run one after the other, and print what their comments say."""

import re

import pytest

from tests.conftest import ROOT


@pytest.mark.slow
def test_bijectors_in_plain_jax_equinox_and_nnx(capsys):
  pytest.importorskip('equinox', reason="needs pip install -e '.[test]'")
  names = {}
  for program in re.findall(r'```python\n(.*?)```', (ROOT / 'docs/bijectors.md').read_text(), re.DOTALL):
    exec(compile(program, 'docs/bijectors.md', 'exec'), names)
  divergence, errors, one_coupling, gaussian = capsys.readouterr().out.splitlines()
  assert float(divergence) == pytest.approx(0.06, abs=0.03)
  assert all(float(error) < 1e-3 for error in errors.split())
  assert float(one_coupling) == pytest.approx(1.7, abs=0.2)
  assert float(gaussian) == pytest.approx(1.9, abs=0.1)
