"""Guidance by a classifier of blurred data: a Gaussian mixture in closed form, and what a config may name."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from jax.scipy.stats import norm
from ml_collections import ConfigDict

from configs.ncsn_toy import get_config
from jaxgen import experiment, fields
from jaxgen.errors import UserError
from jaxgen.families.score import WAYS, Guidance, Guide, classifier, completed_by, score
from jaxgen.families.score.paths import variance_exploding
from jaxgen.losses.score import geometric_sigmas
from jaxgen.types import Field, Stage

MEANS, STDS, SHARES = jnp.array([-1.0, 1.0]), jnp.array([0.8, 0.6]), jnp.array([0.7, 0.3])
X, LABEL = Field('vector', (1,), 0), Field('label', (), 2)
PATH = variance_exploding(geometric_sigmas(20.0, 0.01, 60))


def log_parts(x, sigma):
  """log(share_k N(x; mean_k, std_k^2 + sigma^2)), f32[B, 2], of x f32[B, 1]."""
  return jnp.log(SHARES) + norm.logpdf(x, MEANS, jnp.sqrt(STDS**2 + sigma[:, None] ** 2))


class Mixture(nn.Module):
  """Its exact score; it is given nothing."""

  @nn.compact
  def __call__(self, x, sigma, given, train):
    assert not given
    share = jax.nn.softmax(log_parts(x, sigma))
    return (share * (MEANS - x) / (STDS**2 + sigma[:, None] ** 2)).sum(1, keepdims=True)


def model_of(**settings):
  way = WAYS['heun'](PATH, 1.0, num_steps=40, rho=7.0)
  guide = Guide(lambda x, sigma: jax.nn.log_softmax(log_parts(x, sigma)), LABEL)
  usual = dict(path=PATH, tx=optax.sgd(0.1), ema_decay=0.5, x=X, way=way, guidance=Guidance(classifier=guide))
  return score(Mixture(), **usual | dict(completion=completed_by(way)) | settings)


PARAMS = {'network': {}}


@pytest.mark.parametrize('label', [0, 1])
def test_a_guided_score_is_that_of_one_part_of_a_mixture(label):
  model, x, sigma = model_of(), jnp.linspace(-4, 4, 9)[:, None], jnp.geomspace(0.01, 20, 9)
  assert model.given == ('label',) and model.knobs['guidance'] == 1
  found = model.score(PARAMS, {}, x, sigma, {'label': jnp.full(9, label)})
  np.testing.assert_allclose(
    found, (MEANS[label] - x) / (STDS[label] ** 2 + sigma[:, None] ** 2), rtol=1e-3, atol=1e-3
  )


def test_samples_and_completions_follow_the_label_as_much_as_the_knob_says():
  """With a weight of 0 they are of the mixture, with 1 of the part, with more beyond."""
  model, given = model_of(), {'label': jnp.ones(4000, jnp.int32)}
  sample = lambda weight: jax.jit(  # noqa: E731
    lambda rng: model.sample(PARAMS, {}, rng, 4000, given, guidance=weight)
  )(jax.random.key(0))
  whole, part, more = (np.asarray(sample(weight)) for weight in (0.0, 1.0, 3.0))
  np.testing.assert_allclose(whole.mean(), SHARES @ MEANS, atol=0.08)
  np.testing.assert_allclose([part.mean(), part.std()], [MEANS[1], STDS[1]], atol=0.04)
  assert more.mean() > part.mean() + 0.1
  batch = {'x': jnp.zeros((4000, 1)), **given}
  nothing = jnp.zeros((4000, 1), bool)
  found = jax.jit(lambda rng: model.complete(PARAMS, {}, rng, batch, nothing))(jax.random.key(1))
  np.testing.assert_allclose([found.mean(), found.std()], [MEANS[1], STDS[1]], atol=0.04)


def test_a_likelihood_is_that_of_the_data_whatever_guides_samples():
  model, x = model_of(), {'x': jnp.linspace(-2, 2, 5)[:, None]}
  assert model.log_prob_estimate.given == ()
  found = jax.jit(model.log_prob)(PARAMS, {}, jax.random.key(0), x)
  expected = jax.nn.logsumexp(log_parts(x['x'], jnp.full(5, 0.01)), axis=1)
  np.testing.assert_allclose(found, expected, atol=0.08)  # of 50 steps


class Exact(nn.Module):
  """The logits of two Gaussians of one variance and the means -1 and 1, of inputs in units of what is blurred."""

  @nn.compact
  def __call__(self, x, sigma, given, train):
    total = (0.25 + sigma**2)[:, None]
    return jnp.concatenate([jnp.zeros_like(x), 2 * x * jnp.sqrt(1.25 + sigma**2)[:, None] / total], axis=1)


def test_what_an_exact_classifier_says_and_how_often_it_is_right():
  path = variance_exploding([2.0, 0.5])
  settings = dict(path=path, tx=optax.sgd(0.1), ema_decay=0.5, x=X, label=LABEL, data_std=1.25**0.5)
  model = classifier(Exact(), **settings)
  assert (model.sample, model.noise_range) == (None, (2.0, 0.5))
  params, extra = model.init(jax.random.key(0), {})
  x, sigma = jnp.linspace(-3, 3, 7)[:, None], jnp.full(7, 0.5)
  logs = norm.logpdf(x, jnp.array([-1.0, 1.0]), jnp.sqrt(0.25 + 0.25))
  found = model.class_log_prob(params, extra, x, sigma)
  np.testing.assert_allclose(found, jax.nn.log_softmax(logs), rtol=1e-4, atol=1e-5)
  label = jnp.arange(40_000) % 2
  batch = {
    'x': (2 * label - 1 + 0.5 * jax.random.normal(jax.random.key(1), (40_000,)))[:, None],
    'label': label,
  }
  terms = model.evaluate(params, extra, jax.random.key(2), batch)
  for level in (2.0, 0.5):
    expected = norm.cdf(1 / np.sqrt(0.25 + level**2))
    np.testing.assert_allclose(terms[f'accuracy_sigma_{level:g}'].mean(), expected, atol=0.01)
  assert 0 < terms['loss'].mean() < np.log(2)


def config_of(module, changes=(), given=(), classes=2):
  config = get_config('smoke')
  if module != 'ncsn_mlp':
    config.module = f'jaxgen.models.score.{module}'
    config.model = ConfigDict(
      dict(widths=(4,), hidden=8, dropout=0.0, sigma_data=1.0, path=config.model.path)
    )
    del config['sampler']
  config = experiment.completed(config)
  with config.unlocked():
    spec = {'x': Field('vector', (2,), 0), 'label': Field('label', (), classes)}
    config.data.fields = ConfigDict(fields.to_dict(spec))
  config.given = given
  config.update_from_flattened_dict(dict(changes))
  return config


def classifier_of(changes=()):
  its = config_of('noisy_classifier', changes)
  model = experiment.build_model(its, {})
  params, extra = model.init(jax.random.key(0), {})
  return Stage('runs/c', its, model, params, extra, 7, 'c0ffee' * 10)


def guided(changes=(), given=(), classes=2, of_classifier=()):
  changes = {'model.target': 'own', **dict(changes)}
  stages = {'classifier': classifier_of(of_classifier)}
  return experiment.build_model(config_of('ncsn_mlp', changes, given, classes), stages)


def test_a_config_may_name_a_classifier_and_need_not():
  model = guided({'sampler.guidance': 2.0})
  assert model.given == ('label',) and model.knobs['guidance'] == 2.0
  assert 'each with the slope of a classifier' in model.objective
  alone = experiment.build_model(config_of('ncsn_mlp'))
  assert alone.given == () and 'guidance' not in alone.knobs


def test_a_run_remembers_no_classifier_and_what_it_draws_names_the_weights_of_one():
  config = config_of('ncsn_mlp', {'stages.classifier': 'runs/c'})
  assert experiment.lasting(config).stages.to_dict() == {'classifier': ''}
  assert config.stages.classifier == 'runs/c'
  alone = experiment.Trained(config_of('ncsn_mlp'), None, None)
  by = experiment.sampler_of(alone._replace(config=config, stages={'classifier': classifier_of()}))
  assert by == {**experiment.sampler_of(alone), 'classifier': 'c0ffeec0 of step 7'}


@pytest.mark.parametrize(
  ('settings', 'words'),
  [
    (
      dict(of_classifier={'data.name': 'toy:moons'}),
      'other data, toy:moons, than .* by config.data.name; give',
    ),
    (dict(of_classifier={'data.without': (1,)}), 'other data, .* by config.data.without; give a run'),
    (dict(classes=3), 'config.stages.classifier=runs/c cannot be used: it classifies other data'),
    (
      dict(of_classifier={'model.path.variance_exploding.sigma_max': 4.0}),
      'was trained at noise levels from 0.004 to 4, and the score is from 0.004 to 8; train it with',
    ),
    (
      dict(given=('label',)),
      'guides a model that was trained without conditions, and this one is given label',
    ),
    (
      {'changes': {'model.path.coupling': 'optimal_transport'}},
      'a classifier guides a score, and from noise that is paired',
    ),
  ],
)
def test_a_classifier_that_does_not_fit_is_refused(settings, words):
  with pytest.raises(UserError, match=words):
    guided(**settings)
