from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from scipy.optimize import linear_sum_assignment

from jaxgen import config_files, data, experiment
from jaxgen.data.source import from_arrays
from jaxgen.errors import UserError
from jaxgen.families.score import COUPLINGS, LIKELIHOODS, WAYS, couplings, score
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


def test_the_last_batch_of_an_evaluation_is_one_to_pair_noise_in():
  x = 0.5 * np.random.default_rng(0).normal(size=(560, 1)).astype(np.float32)
  spec = {'x': Field('vector', (1,), 0)}
  (_, whole), (batch, mask) = data.eval_batches(from_arrays('a line', spec, {'x': x}), 500)
  assert whole.all() and mask.sum() == 60
  model = paired('heun', ODES['heun'])
  loss = jax.jit(lambda: model.evaluate({'network': {}}, {}, jax.random.key(1), batch)['loss'])()
  assert loss[mask > 0].mean() < 0.01  # where one example fills it, 0.74


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


# Of each way whether it is one along an ODE, by settings of few steps.
ODES = {
  'euler': dict(num_steps=60, rho=7.0),
  'heun': dict(num_steps=30, rho=7.0),
  'ddim': dict(num_steps=60, rho=7.0, eta=0.0),
  'edm': dict(num_steps=30, rho=7.0, churn=0.0, churn_min=0.0, churn_max=1.0, noise_scale=1.0),
  'dpm_solver': dict(num_steps=60, rho=7.0),
}
NOISY = {
  'ddim': dict(num_steps=4, rho=7.0, eta=0.5),
  'edm': dict(num_steps=4, rho=7.0, churn=1.0, churn_min=0.0, churn_max=1.0, noise_scale=1.0),
  'annealed': dict(steps_per_level=2, step_size=0.0, denoise=True),
  'ncsnv2': dict(steps_per_level=2, epsilon=1e-5),
  'langevin': dict(num_steps=4, step_size=0.01),
  'underdamped': dict(num_steps=4, step_size=0.1, friction=1.0),
  'predictor_corrector': dict(num_steps=4, rho=7.0, signal_to_noise=0.1, corrector_steps=1),
  'euler_maruyama': dict(num_steps=4, rho=7.0),
  'ddpm': dict(num_steps=4, rho=7.0, variance='small'),
}


def paired(way, settings, **slots):
  path = variance_exploding([100.0, 0.01])
  slots = dict(coupling=couplings.optimal_transport(), x=Field('vector', (1,), 0)) | slots
  way = WAYS[way](path, 0.5, **settings)
  return score(Line(), path=path, way=way, tx=optax.sgd(0.0), ema_decay=0.5, **slots)


def test_paired_noise_goes_to_the_data_without_fresh_noise_alone():
  assert ODES.keys() | NOISY.keys() == WAYS.keys()
  for name, settings in ODES.items():
    model = paired(name, settings)
    x = jax.jit(lambda rng, model=model: model.sample({'network': {}}, {}, rng, 4000))(jax.random.key(0))
    assert float(x.std()) == pytest.approx(0.5, rel=0.04), name
  for name, settings in NOISY.items():
    with pytest.raises(ValueError, match='would not end in the data; choose the sampler euler'):
      paired(name, settings)


def test_a_velocity_is_no_score():
  """What needs one is left out, and no bound is made of it; the density along the ODE is that of its samples."""
  model = paired('heun', ODES['heun'], likelihood=LIKELIHOODS['ode'](num_steps=400))
  assert not (model.complete or model.score or model.noise_range or model.completion_knobs)
  x = jnp.array([[0.0], [0.3], [-1.0]])
  found = jax.jit(lambda: model.log_prob({'network': {}}, {}, jax.random.key(0), {'x': x}))()
  np.testing.assert_allclose(found, jax.scipy.stats.norm.logpdf(x[:, 0], 0, 0.51), atol=0.02)
  pixels = dict(x=Field('image', (2, 2, 1), 4), likelihood=LIKELIHOODS['bound'](num_levels=4))
  with pytest.raises(ValueError, match='the bound of a diffusion .* take the likelihood ode'):
    paired('heun', ODES['heun'], **pixels)
  assert paired('heun', ODES['heun'], coupling=couplings.independent(), **pixels).complete
