from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from scipy.optimize import linear_sum_assignment

from jaxgen import config_files, data, experiment
from jaxgen.errors import UserError
from jaxgen.families.score import COUPLINGS, WAYS, couplings, score
from jaxgen.families.score.paths import variance_exploding
from jaxgen.types import Field


def test_on_a_line_the_order_is_kept():
  x, noise = jnp.array([[3.0], [1.0], [2.0]]), jnp.array([[0.1], [-0.5], [0.9]])
  np.testing.assert_allclose(couplings.nearest_noise(x, noise), [[0.9], [-0.5], [0.1]])


@pytest.mark.parametrize('num', [1, 2, 50])
def test_no_other_pairs_are_nearer(num):
  x, noise = jax.random.normal(jax.random.key(num), (2, num, 4, 4, 1))
  found = np.asarray(jax.jit(couplings.nearest_noise)(0.3 + x, noise))
  np.testing.assert_array_equal(np.sort(found.ravel()), np.sort(np.asarray(noise).ravel()))
  squares = ((np.asarray(0.3 + x)[:, None] - np.asarray(noise)[None]) ** 2).sum((2, 3, 4))
  rows, columns = linear_sum_assignment(squares)
  assert ((0.3 + x - found) ** 2).sum() == pytest.approx(squares[rows, columns].sum(), rel=1e-5)


class Line(nn.Module):
  """Of N(0, 1/4) whose noise is in the order of the data, `e = 2 x`: what is blurred shows it."""

  @nn.compact
  def __call__(self, x, sigma, given, train):
    return -x / (sigma[:, None] * (0.5 + sigma[:, None]))


def test_a_model_learns_the_noise_that_lies_nearest():
  path = variance_exploding([4.0, 0.5])
  slots = dict(path=path, way=WAYS['heun'](path, 0.5, num_steps=4, rho=7.0))
  build = partial(score, Line(), tx=optax.sgd(0.0), ema_decay=0.5, x=Field('vector', (1,), 0), **slots)
  x = 0.5 * jax.random.normal(jax.random.key(0), (500, 1))
  for name, coupling in COUPLINGS.items():
    model = build(coupling=coupling())
    terms = model.evaluate({'network': {}}, {}, jax.random.key(1), {'x': x})
    # independent: e - y / (1/2 + sigma) at sigma of 4 and of 1/2 has the variances 0.0247 and 0.5
    assert (terms['loss'].mean() < 0.005) == (name == 'optimal_transport')
    assert ('optimal transport' in model.objective) == (name == 'optimal_transport')


def test_on_lines_that_do_not_cross_one_step_is_enough():
  path = variance_exploding([100.0, 0.01])
  way = WAYS['euler'](path, 0.5, num_steps=1, rho=7.0)
  fixed = dict(tx=optax.sgd(0.0), ema_decay=0.5, x=Field('vector', (1,), 0))
  model = score(Line(), path=path, way=way, coupling=COUPLINGS['optimal_transport'](), **fixed)
  x = model.sample({'network': {}}, {}, jax.random.key(0), 4000)
  assert float(x.std()) == pytest.approx(0.5, rel=0.04)  # by the score of N(0, 1/4) it would be 0.0025


def test_conditions_and_pairs_over_all_examples_do_not_go_together():
  config = config_files.load('ncsn_digits:smoke')
  config.model.path.coupling = 'optimal_transport'
  build = lambda: experiment.build_model(experiment.completed(data.resolve(config)))  # noqa: E731
  assert 'optimal transport' in build().objective
  config.given = ('label',)
  with pytest.raises(UserError, match='given label, noise .* coupling independent'):
    build()
