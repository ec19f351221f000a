import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgen.families.score import PARAMETERIZATIONS, WAYS, WEIGHTINGS, score
from jaxgen.families.score.likelihoods import ode
from jaxgen.families.score.paths import variance_exploding, variance_preserving
from jaxgen.losses.score import geometric_sigmas
from jaxgen.metrics.bits_per_dim import bits_per_dim
from jaxgen.types import DATA_AXIS, Field, State
from jaxgen.updates import averaged_params

MEAN, VARIANCE = 0.7, 0.09
SIGMAS = geometric_sigmas(4.0, 0.02, 12)


class Gaussian(nn.Module):
  """The score of a blurred N(mean, variance), both learned; a class shifts the mean."""

  mean: float = 0.0
  variance: float = 1.0

  @nn.compact
  def __call__(self, x, sigma, given, train):
    mean = self.param('mean', nn.initializers.constant(self.mean), ())
    log_variance = self.param('log_variance', nn.initializers.constant(np.log(self.variance)), ())
    rank = (-1,) + (1,) * (x.ndim - 1)
    if given:
      mean = mean + (10.0 * given['label'][:, 1]).reshape(rank)
    return (mean - x) / (jnp.exp(log_variance) + sigma.reshape(rank) ** 2)


def _model(network, **changes):
  settings = dict(tx=optax.adam(0.05), ema_decay=0.5, shape=(3,), levels=0) | changes
  shape, sigmas = settings.pop('shape'), settings.pop('sigmas', SIGMAS)
  settings['x'] = Field('image' if len(shape) == 3 else 'vector', shape, settings.pop('levels'))
  settings = dict(path=variance_exploding(sigmas), way=_way(sigmas)) | settings
  return score(network, **settings)


def _way(sigmas):
  settings = dict(steps_per_level=8, step_size=0.0, denoise=True)
  return WAYS['annealed'](variance_exploding(sigmas), float(np.sqrt(VARIANCE)), **settings)


def _data(num):
  return MEAN + np.sqrt(VARIANCE) * jax.random.normal(jax.random.key(3), (num, 3))


def test_the_loss_of_the_exact_score_has_its_closed_form():
  # Per dimension v / (v + sigma^2) / 2: sigma s + e has the variance (v / (v + sigma^2))^2 from the noise
  # and v sigma^2 / (v + sigma^2)^2 from the data.
  model = _model(Gaussian(MEAN, VARIANCE))
  params, extra = model.init(jax.random.key(0), {})
  metrics = model.evaluate(params, extra, jax.random.key(1), {'x': _data(20_000)})
  assert {value.shape for value in metrics.values()} == {(20_000,)}
  expected = {s: 1.5 * VARIANCE / (VARIANCE + float(s) ** 2) for s in np.asarray(SIGMAS)}
  fixed = {name.removeprefix('loss_sigma_'): value for name, value in metrics.items() if name != 'loss'}
  assert len(fixed) == 4
  for name, value in fixed.items():
    sigma = min(expected, key=lambda s: abs(float(name) - s))
    np.testing.assert_allclose(value.mean(), expected[sigma], rtol=0.05)
  np.testing.assert_allclose(metrics['loss'].mean(), np.mean(list(expected.values())), rtol=0.05)


def test_the_density_is_that_of_the_data_blurred_by_the_last_level():
  model = _model(Gaussian(MEAN, VARIANCE), sigmas=geometric_sigmas(50.0, 0.02, 12), likelihood=ode(100))
  params, extra = model.init(jax.random.key(0), {})
  x = _data(50)
  found = jax.jit(model.log_prob)(params, extra, jax.random.key(1), {'x': x})
  expected = jax.scipy.stats.norm.logpdf(x, MEAN, np.sqrt(VARIANCE + 0.02**2)).sum(1)
  np.testing.assert_allclose(found, expected, atol=0.1)
  np.testing.assert_allclose(found.mean(), expected.mean(), atol=0.03)
  assert model.log_prob_estimate.kind == 'ODE estimate for blurred data'


class Pixels(nn.Module):
  """The exact score of independent blurred pixels, whose levels 0, 1, ... have these probabilities."""

  probabilities: tuple[float, ...]

  @nn.compact
  def __call__(self, x, sigma, given, train):
    values = jnp.linspace(-1, 1, len(self.probabilities))
    variance = sigma.reshape((-1,) + (1,) * x.ndim) ** 2
    share = jax.nn.softmax(
      jnp.log(jnp.array(self.probabilities)) - (x[..., None] - values) ** 2 / (2 * variance)
    )
    return ((share * values).sum(-1) - x) / variance[..., 0]


def _bits(probabilities, x, sigma_min, likelihood):
  """Mean bits per dimension of an exact score on x, whole numbers [N, H, W, 1]."""
  levels = len(probabilities)
  sigmas = geometric_sigmas(400.0, sigma_min, 4)  # so wide that the mean of the data does not show
  model = _model(
    Pixels(probabilities), sigmas=sigmas, shape=x.shape[1:], levels=levels, likelihood=likelihood
  )
  log_prob = jax.jit(model.log_prob)({'network': {}}, {}, jax.random.key(1), {'x': x})
  return bits_per_dim(log_prob, x.shape[1:], levels)


@pytest.mark.parametrize('level', [0, 8, 16])
@pytest.mark.parametrize('sigma_min', [0.02, 0.05, 0.3])  # 0.16 to 2.4 steps between two levels
def test_data_of_one_grey_value_cost_nothing(level, sigma_min):
  bits = _bits(tuple(np.eye(17)[level]), np.full((20, 3, 3, 1), level, np.uint8), sigma_min, ode(60))
  np.testing.assert_allclose(bits, 0.0, atol=5e-3)


@pytest.mark.parametrize(
  'probabilities, sigma_min, gap',
  [
    ((0.3, 0.7), 0.5, 0.0),
    ((0.1, 0.2, 0.0, 0.0, 0.4, 0.3, 0.0, 0.0, 0.0), 0.05, 0.0),
    ((0.1, 0.2, 0.0, 0.0, 0.4, 0.3, 0.0, 0.0, 0.0), 0.1, 0.01),
    ((1 / 17,) * 17, 0.05, 0.05),
  ],
)
def test_an_exact_score_reaches_the_entropy_of_discrete_data(probabilities, sigma_min, gap):
  x = np.random.default_rng(0).choice(len(probabilities), (300, 5, 5, 1), p=probabilities).astype(np.uint8)
  shares = np.bincount(x.ravel(), minlength=len(probabilities)) / x.size
  positive = shares > 0
  cross_entropy = -(shares[positive] * np.log2(np.array(probabilities)[positive])).sum()
  bits = _bits(probabilities, x, sigma_min, ode(200)).mean()
  assert cross_entropy - 0.015 < bits < cross_entropy + gap + 0.015


def test_the_density_is_computed_in_full_precision():
  model = _model(Precision(), shape=(2, 2, 1), levels=5, likelihood=ode(2))
  model.log_prob({'network': {}}, {}, jax.random.key(0), {'x': jnp.zeros((1, 2, 2, 1), jnp.uint8)})
  assert set(Precision.seen) == {'highest'}


class Precision(nn.Module):
  """Notes the precision of matrix products that it is asked for."""

  seen = []

  @nn.compact
  def __call__(self, x, sigma, given, train):
    self.seen.append(jax.config.jax_default_matmul_precision)
    return -x


def test_training_finds_mean_and_variance():
  model = _model(Gaussian())
  params, extra = model.init(jax.random.key(0), {})
  state = State(jnp.zeros((), jnp.int32), params, extra, model.update.init(params), jax.random.key(1))
  data = {'x': _data(512)}

  def body(state, _):
    apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    state, metrics = apply(state, jax.random.fold_in(state.rng, state.step), data)
    return state._replace(step=state.step + 1), metrics

  state, metrics = jax.jit(lambda state: jax.lax.scan(body, state, length=300))(state)
  found = averaged_params(state)['network']
  np.testing.assert_allclose(found['mean'], data['x'].mean(), atol=0.05)
  np.testing.assert_allclose(np.exp(found['log_variance']), data['x'].var(), rtol=0.1)
  assert metrics['loss'].count[0] == 512
  losses = metrics['loss'].total / metrics['loss'].count
  assert losses[-50:].mean() < losses[:10].mean()


def test_a_trajectory_ends_in_the_sample_and_has_few_frames():
  model = _model(Gaussian(0.0, 0.2), shape=(4, 4, 1), levels=17)
  params, extra = model.init(jax.random.key(0), {})
  frames, x = jax.jit(
    lambda rng: (model.trajectory(params, extra, rng, 3), model.sample(params, extra, rng, 3))
  )(jax.random.key(1))
  assert x.shape == (3, 4, 4, 1)
  assert x.dtype == frames.dtype == jnp.uint8
  assert x.max() <= 16
  assert 20 <= frames.shape[0] <= 32
  np.testing.assert_array_equal(frames[-1], x)


def test_labels_reach_the_network():
  model = _model(Gaussian(0.0, 0.04), given={'label': Field('label', (), 2)})
  params, extra = model.init(jax.random.key(0), {})
  x = model.sample(params, extra, jax.random.key(1), 4, {'label': jnp.array([0, 1, 1, 0])})
  np.testing.assert_array_equal(x.mean(1) > 5.0, [False, True, True, False])
  batch = {'x': x, 'label': jnp.array([0, 1, 1, 0])}
  right = model.evaluate(params, extra, jax.random.key(2), batch)['loss']
  wrong = model.evaluate(params, extra, jax.random.key(2), {**batch, 'label': 1 - batch['label']})['loss']
  assert np.all(right < wrong)


class Outputs(nn.Module):
  """What each parameterization asks of a network, for data of N(MEAN, VARIANCE) whose exact score it makes."""

  kind: str
  scale: str

  @nn.compact
  def __call__(self, inputs, sigma, given, train):
    sigma = sigma[:, None]
    total = jnp.sqrt(VARIANCE + sigma**2)
    preserving = self.scale == 'preserving'
    scale = 1 / jnp.sqrt(1 + sigma**2) if preserving else jnp.ones_like(sigma)
    x = inputs * total if self.kind == 'preconditioned' else inputs / scale
    exact = (MEAN - x) / total**2
    noise, data = -sigma * exact, x + sigma**2 * exact
    return {
      'score': exact,
      'noise': noise,
      'data': data,
      'velocity': scale * (noise - sigma * data) if preserving else noise,
      'preconditioned': (exact + x / total**2) * sigma * total / np.sqrt(VARIANCE),
    }[self.kind]


PATHS = {'exploding': variance_exploding, 'preserving': variance_preserving}


@pytest.mark.parametrize('path', PATHS)
@pytest.mark.parametrize('name', PARAMETERIZATIONS)
def test_every_parameterization_gives_the_same_score_on_every_path(name, path):
  chosen = PATHS[path](SIGMAS)
  slot = PARAMETERIZATIONS[name](chosen.frame, float(np.sqrt(VARIANCE)))
  model = _model(Outputs(name, path), path=chosen, parameterization=slot)
  params, extra = model.init(jax.random.key(0), {})
  x, sigma = 2 * jax.random.normal(jax.random.key(1), (5, 3)), jnp.array([0.05, 0.3, 1.0, 2.0, 4.0])
  found = model.score(params, extra, x, sigma)
  np.testing.assert_allclose(found, (MEAN - x) / (VARIANCE + sigma[:, None] ** 2), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize('name', WEIGHTINGS)
def test_a_weighting_is_a_factor_of_each_level(name):
  weighting = WEIGHTINGS[name](variance_exploding(SIGMAS), 0.5, 5.0)
  plain, weighted = (_model(Gaussian(), weighting=chosen) for chosen in (None, weighting))
  params, extra = plain.init(jax.random.key(0), {})
  terms = [model.evaluate(params, extra, jax.random.key(1), {'x': _data(8)}) for model in (plain, weighted)]
  for level in np.asarray(SIGMAS)[[0, -1]]:
    key = f'loss_sigma_{level:.3g}'
    np.testing.assert_allclose(terms[1][key], weighting.weight(level) * terms[0][key], rtol=1e-5)
  assert weighting.description in weighted.objective


def test_a_network_with_batch_statistics_updates_them_in_training_alone():
  class Counting(nn.Module):
    @nn.compact
    def __call__(self, x, sigma, given, train):
      count = self.variable('batch_stats', 'count', lambda: jnp.zeros(()))
      if train:
        count.value += 1
      return -x * self.param('scale', nn.initializers.ones_init(), ())

  model = _model(Counting())
  params, extra = model.init(jax.random.key(0), {})
  state = State(jnp.zeros((), jnp.int32), params, extra, model.update.init(params), jax.random.key(1))
  apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
  state, _ = apply(state, jax.random.key(2), {'x': _data(4)})
  assert state.extra['network']['batch_stats']['count'] == 1
