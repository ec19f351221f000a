"""With the same weights, the log-likelihood of nflows, zuko, normflows, distrax and flowjax. A transform is one row.

`pip install -e '.[peers]'` installs them; a row whose package is missing is skipped and says so.
"""

import importlib

import jax
import numpy as np
import pytest
from jax.scipy.stats import norm

from tests.peers.carried import BATCH, SIZE

# (package, transform): the function `<package>_<transform>` of a module beside this one carries the weights over.
TABLE = {
  'of_torch': (
    ('nflows', 'affine_coupling'),
    ('nflows', 'spline_coupling'),
    ('nflows', 'masked_autoregressive'),
    ('nflows', 'autoregressive_spline'),
    ('nflows', 'actnorm'),
    ('nflows', 'linear'),
    ('nflows', 'batch_norm'),
    ('zuko', 'affine_coupling'),
    ('zuko', 'spline_coupling'),
    ('zuko', 'masked_autoregressive'),
    ('normflows', 'planar'),
    ('normflows', 'radial'),
    ('normflows', 'invertible_conv'),
  ),
  'of_jax': (
    ('distrax', 'affine_coupling'),
    ('distrax', 'spline_coupling'),
    ('flowjax', 'affine_coupling'),
    ('flowjax', 'spline_coupling'),
    ('flowjax', 'masked_autoregressive'),
    ('flowjax', 'planar'),
  ),
}
ROWS = [(module, *row) for module, rows in TABLE.items() for row in rows]


@pytest.mark.parametrize(('module', 'package', 'transform'), ROWS, ids=lambda part: part)
def test_the_same_weights_give_the_same_log_likelihood(module, package, transform):
  pytest.importorskip(package, reason="needs pip install -e '.[peers]'")
  pair_of = getattr(importlib.import_module(f'tests.peers.{module}'), f'{package}_{transform}')
  rng = np.random.default_rng(3)
  shape = (2, 3, SIZE) if transform == 'invertible_conv' else (SIZE,)
  x = 1.7 * rng.normal(size=(BATCH, *shape))  # some of it beyond the last knots of splines
  with jax.enable_x64(True):
    pair = pair_of(rng)
    z, log_det = pair.bijector.apply(pair.variables, x, method='forward_and_log_det')
    their_z, their_log_det = pair.theirs(x)
    ours, theirs = _log_likelihood(z, log_det), _log_likelihood(their_z, their_log_det)
  assert ours.dtype == np.float64 and np.std(ours) > 0.1
  np.testing.assert_allclose(z, their_z, atol=1e-8)
  np.testing.assert_allclose(ours, theirs, atol=1e-8)


def _log_likelihood(z, log_det):
  return np.asarray(norm.logpdf(np.asarray(z)).reshape(BATCH, -1).sum(-1) + np.asarray(log_det))
