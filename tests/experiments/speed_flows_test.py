"""The benchmark of flows, but for other packages: what is timed of jaxgen, and its tables."""

import jax
import pytest

from experiments.speed.flows import depth, jax_side, table
from experiments.speed.flows.sizes import EQUAL, JAX, SIZES, TORCH


@pytest.mark.parametrize(('flow', 'parameters'), [('spline', 10_460), ('maf', 7_328)])
def test_a_layer_has_the_parameters_of_its_perceptron(flow, parameters):
  size = SIZES[flow]
  layer = jax_side.layer(flow, size, 'scan')
  start = lambda rng: layer.init(rng, jax.numpy.zeros((1, size.dims)), method='forward_and_log_det')  # noqa: E731
  params = jax.eval_shape(start, jax.random.key(0))['params']
  assert sum(leaf.size for leaf in jax.tree.leaves(params)) == parameters


@pytest.mark.parametrize('flow', ['maf', 'spline'])
def test_what_is_timed_is_no_identity(flow):
  """Of networks that start at zero a fixed point is found in one turn, whatever the dimensions."""
  size = SIZES[flow]
  params, log_prob, _ = jax_side.of_bijector(jax_side.layer(flow, size, 'fixed_point'), (size.dims,))
  x = jax.random.normal(jax.random.key(0), (64, size.dims))
  moved = log_prob(params, x) - jax.scipy.stats.norm.logpdf(x).sum(-1)
  assert jax.numpy.std(moved) > 0.1


def test_every_flow_has_sides_and_only_these_are_compared():
  assert set(JAX) == set(TORCH) == set(SIZES) and set(depth.FLOWS) <= set(SIZES)
  for flow, equal in EQUAL.items():
    assert set(equal) <= {*JAX[flow], *TORCH[flow]}


def test_rows_are_kept_at_once_and_shown_beside_jaxgen(tmp_path, monkeypatch):
  monkeypatch.setattr(table, 'FOLDER', tmp_path)
  monkeypatch.setattr(table, '_packages', lambda: {'jax': '0.1'})
  seconds = {'jaxgen': 0.002, 'nflows': 0.006, 'nflows, compiled': None}
  row = {'seconds': seconds, 'parameters': {'jaxgen': 12, 'nflows': 12, 'nflows, compiled': 12}}
  table.Results().add('flows', 'maf sample 64', row)
  times = {kind: {'first': 2.0, 'later': 0.25} for kind in depth.KINDS}
  table.Results().add('depth', 'maf 4', times)
  assert table.Results().has('flows', 'maf sample 64') and not table.Results().has('flows', 'maf sample 1')
  text = (tmp_path / 'flows.md').read_text()
  assert '## maf: sampling' in text and 'gradient of' not in text
  assert '| nflows | 12 | 6 (3x) |' in text
  assert '| nflows, compiled | 12 | - |' in text
  assert '| maf | 4 | 2.0 | 2.0 | 0.2500 | 0.2500 |' in text
