"""The ways of a score model from noise to samples and to completions: one table of them, with exact scores."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgen.families.score import PATHS, WAYS, Guidance, completed_by, score
from jaxgen.families.score.paths import variance_exploding
from jaxgen.losses.score import geometric_sigmas
from jaxgen.samplers import run
from jaxgen.samplers.clamped import grey
from jaxgen.types import DATA_AXIS, Field, State

MEAN, VARIANCE = 0.7, 0.09
STD = float(np.sqrt(VARIANCE))
LEVELS = variance_exploding(geometric_sigmas(40.0, 0.02, 60))
FEW = variance_exploding(geometric_sigmas(4.0, 0.02, 12))


def gaussian_score(mean=MEAN, variance=VARIANCE):
  return lambda x, sigma: (mean - x) / (variance + sigma.reshape((-1,) + (1,) * (x.ndim - 1)) ** 2)


def drawn(way, score_fn, shape):
  """Samples, and nothing else than what is said of a way."""
  start = way.start * jax.random.normal(jax.random.key(0), shape)
  return jax.jit(lambda x: run(way.sampler(score_fn), jax.random.key(1), x, way.num_steps)[0].position)(start)


def _over(num_steps, rho=0.0, **settings):
  return dict(num_steps=num_steps, rho=rho, **settings)


# For each way, what draws Gaussian data from the exact score in the fewest steps that are near enough.
SETTINGS = {
  'annealed': dict(steps_per_level=8, step_size=0.0, denoise=True),
  'ncsnv2': dict(steps_per_level=10, epsilon=1e-4),
  'langevin': dict(num_steps=200, step_size=0.02),
  'underdamped': dict(num_steps=200, step_size=0.2, friction=2.0),
  'predictor_corrector': _over(100, signal_to_noise=0.1, corrector_steps=1),
  'euler_maruyama': _over(150),
  'ddpm': _over(150, variance='small'),
  'ddim': _over(100, eta=0.5),
  'euler': _over(150, rho=7.0),
  'heun': _over(30, rho=7.0),
  'edm': _over(30, rho=7.0, churn=10.0, churn_min=0.05, churn_max=2.5, noise_scale=1.0),
  'dpm_solver': _over(40),
}


def way_of(name, path=LEVELS, **changes):
  return WAYS[name](path, STD, **(SETTINGS[name] | changes))


@pytest.mark.parametrize('name', WAYS)
def test_samples_of_the_exact_score_follow_the_data(name):
  # 48 dimensions: a corrector's step is made for norms that hardly vary
  x = drawn(way_of(name), gaussian_score(), (400, 48))
  np.testing.assert_allclose(x.mean(), MEAN, atol=0.03)
  np.testing.assert_allclose(x.std(), STD, rtol=0.04)


@pytest.mark.parametrize(
  ('name', 'path'),
  [
    ('ddpm', 'variance_preserving'),
    ('ddim', 'cosine'),
    ('dpm_solver', 'sub_variance_preserving'),
    ('heun', 'edm'),
    ('euler', 'rectified_flow'),
  ],
)
def test_steps_that_are_even_in_the_time_of_a_path_go_to_the_data_too(name, path):
  path = PATHS[path]()
  way = way_of(name, path, num_steps=400, rho=0.0)
  np.testing.assert_allclose(way.sigmas, path.spaced(400), rtol=1e-5)
  x = drawn(way, gaussian_score(), (300, 48))
  np.testing.assert_allclose(x.mean(), MEAN, atol=0.03)
  np.testing.assert_allclose(x.std(), STD, rtol=0.05)


@pytest.mark.parametrize(
  ('name', 'temperature'), [*((name, 1.0) for name in WAYS), ('edm', 0.25), ('heun', 4.0)]
)
def test_a_way_counts_its_evaluations_and_knows_its_noise_before_each_step(name, temperature):
  calls, asked = [], []

  def score_fn(x, sigma):
    jax.debug.callback(lambda sigma: (calls.append(1), asked.append(float(sigma[0]))), sigma)
    return -x

  way = way_of(name, FEW)
  way = way if temperature == 1 else way.turned(temperature=temperature)
  jax.block_until_ready(run(way.sampler(score_fn), jax.random.key(0), jnp.ones((1, 2)), way.num_steps))
  jax.effects_barrier()
  assert len(calls) == way.evaluations
  assert len(way.sigmas) == way.num_steps and np.all(np.diff(way.sigmas) <= 0)
  least, most = FEW.sigmas[[-1, 0]]
  assert least * 0.999 <= min(asked) and max(asked) <= most * 1.001  # no noise that was not trained


@pytest.mark.parametrize(
  ('name', 'changes'), [*((name, {}) for name in WAYS), ('ddim', dict(eta=0.0)), ('edm', dict(churn=0.0))]
)
def test_a_way_knows_whether_it_uses_noise(name, changes):
  way = way_of(name, FEW, **changes)
  ends = jax.jit(
    lambda rng: run(way.sampler(gaussian_score()), rng, jnp.ones((1, 4)), way.num_steps)[0].position
  )
  first, second = (ends(jax.random.key(seed)) for seed in (0, 1))
  assert way.uses_noise == bool(np.any(first != second))


@pytest.mark.parametrize('path', [LEVELS, PATHS['cosine']()])
@pytest.mark.parametrize('rho', [0.0, 7.0])
def test_a_way_may_begin_and_end_between_the_ends_of_its_path(path, rho):
  way = way_of('heun', path, rho=rho, sigma_max=5.0, sigma_min=0.1)
  np.testing.assert_allclose(way.sigmas[[0, -1]], [5.0, 0.1], rtol=1e-4)
  assert len(way.sigmas) == way.num_steps == 30 and way.start == pytest.approx(np.hypot(5.0, STD), rel=1e-4)
  np.testing.assert_array_equal(way.turned(steps=30).sigmas, way.sigmas)
  ends = dict(sigma_max=float(path.sigmas[0]), sigma_min=float(path.sigmas[-1]))
  np.testing.assert_array_equal(
    way_of('heun', path, rho=rho, **ends).sigmas, way_of('heun', path, rho=rho).sigmas
  )
  if not rho:  # of the path's own levels, those that lie between
    own = path.spaced(1000)
    own = own[(own < 5.0) & (own > 0.1)]
    between = way_of('heun', path, rho=rho, num_steps=len(own), sigma_max=own[0], sigma_min=own[-1])
    np.testing.assert_allclose(between.sigmas, own, rtol=1e-4)


@pytest.mark.parametrize('temperature', [1.0, 0.25])
def test_from_a_noise_about_as_wide_as_the_data_samples_are_as_wide_as_from_a_large_one(temperature):
  """The flow scales one standard deviation of what it starts from to one of the data."""
  way = way_of('heun', num_steps=100, sigma_max=0.4).turned(temperature=temperature)
  start = jnp.full((1, 1), way.start)
  state, _ = jax.jit(lambda x: run(way.sampler(gaussian_score(0.0)), jax.random.key(0), x, way.num_steps))(
    start
  )
  assert float(state.position[0, 0]) == pytest.approx(np.sqrt(temperature) * STD, rel=0.01)


def test_a_noise_that_was_not_trained_is_refused_when_a_way_is_made():
  for ends in (dict(sigma_max=40.1), dict(sigma_min=0.019), dict(sigma_max=0.01), dict(sigma_min=50.0)):
    refused('trained from 40 to 0.02; let sigma_max', lambda ends=ends: way_of('ddpm', **ends))


def test_every_way_has_a_name_of_its_own():
  assert len({way_of(name, FEW).name for name in WAYS}) == len(WAYS)


@pytest.mark.parametrize('name', WAYS)
def test_knobs_turn_the_way(name):
  way = way_of(name, FEW)
  again = way.turned(**way.knobs)
  assert (again.num_steps, again.evaluations, again.knobs) == (way.num_steps, way.evaluations, way.knobs)
  np.testing.assert_array_equal(again.sigmas, way.sigmas)
  if 'steps' in way.knobs:
    assert way.turned(steps=7).num_steps == len(way.turned(steps=7).sigmas) == 7
  assert way.turned(temperature=0.5).knobs['temperature'] == 0.5


@pytest.mark.parametrize('name', ['heun', 'ddpm', 'annealed', 'ncsnv2'])
def test_cold_samples_are_narrower(name):
  """By the root of the temperature, where the steps do not matter."""
  warm, cold = (drawn(way_of(name).turned(temperature=t), gaussian_score(), (200, 48)) for t in (1.0, 0.25))
  np.testing.assert_allclose(cold.mean(), MEAN, atol=0.03)
  np.testing.assert_allclose(cold.std() / warm.std(), 0.5, atol=0.07)


@pytest.mark.parametrize(
  ('name', 'changes'),
  [
    ('ddim', {}),
    ('ddpm', {'variance': 'large'}),
    ('dpm_solver', {}),
    ('edm', {'churn_min': 0.5, 'churn_max': 2.5}),
    ('predictor_corrector', {}),
  ],
)
def test_the_chain_of_colder_data_is_the_same_one_in_smaller_units(name, changes):
  """Of data around 0, for any number of steps and any setting."""
  way = way_of(name, FEW, num_steps=5, **changes)
  warm = drawn(way, gaussian_score(0.0), (20, 8))
  cold = drawn(way.turned(temperature=0.25), gaussian_score(0.0), (20, 8))
  np.testing.assert_allclose(cold, 0.5 * warm, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('temperature', [1.0, 0.25])
@pytest.mark.parametrize('variance', ['small', 'large'])
def test_the_variances_of_ddpm_by_their_names(variance, temperature):
  """Ho et al. 2020, section 3.2: of N(0, I) the large one, beta, leaves what it is; the small one is too narrow."""
  way = way_of('ddpm', FEW, num_steps=5, variance=variance).turned(temperature=temperature)
  levels = np.append(way.sigmas, 0.0) / np.sqrt(temperature)
  expected = levels[0] ** 2
  for here, there in zip(levels, levels[1:], strict=False):
    alpha_bar, before = 1 / (1 + here**2), 1 / (1 + there**2)
    beta = 1 - alpha_bar / before
    added = beta if variance == 'large' else (1 - before) / (1 - alpha_bar) * beta
    shrink = 1 - (here**2 - there**2) / (1 + here**2)
    expected = shrink**2 * expected + added / before * (there > 0)
  x = drawn(way, gaussian_score(0.0, 1.0), (20_000,))
  assert float(x.var()) / temperature == pytest.approx(expected, rel=0.04)  # four standard errors
  assert (expected > 0.9) == (variance == 'large')


@pytest.mark.parametrize(
  'sigma_max, sigma_min, std, num_steps, ratio',
  [
    (12.0, 0.05, 0.75, 10, 1.045),
    (12.0, 0.05, 0.75, 18, 1.009),
    (30.0, 0.02, 0.6, 18, 1.026),
    (100.0, 0.02, 0.5, 18, 1.047),
  ],
)
def test_how_much_too_wide_few_steps_of_the_flow_leave_gaussian_data(
  sigma_max, sigma_min, std, num_steps, ratio
):
  path = variance_exploding((sigma_max, sigma_min))
  way = WAYS['heun'](path, std, num_steps=num_steps, rho=7.0)
  sampler = way.sampler(lambda x, sigma: -x / (std**2 + sigma[:, None] ** 2))
  start = jnp.full((1, 1), sigma_max)  # one standard deviation; the flow scales what it starts from
  state, _ = run(sampler, jax.random.key(0), start, way.num_steps)
  assert float(state.position[0, 0]) / std == pytest.approx(ratio, abs=1e-3)


class Shifted(nn.Module):
  """The exact score of N(MEAN, VARIANCE), whose mean label 1 shifts by 2."""

  @nn.compact
  def __call__(self, x, sigma, given, train):
    shift = 2 * given['label'][:, 1:] if given else 0.0
    return gaussian_score(MEAN + shift)(x, sigma)


def model_of(network, name='heun', path=LEVELS, shape=(8,), **settings):
  settings = dict(tx=optax.sgd(0.1), ema_decay=0.5, x=Field('vector', shape, 0)) | settings
  return score(network, path=path, way=way_of(name, path), **settings)


LABEL = {'label': Field('label', (), 2)}


def test_guidance_of_gaussians_is_its_closed_form():
  """Of equal variances the guided density is Gaussian, with a mean as much further away as the weight says."""
  model = model_of(Shifted(), given=LABEL, guidance=Guidance(label_dropout=0.1))
  assert set(model.knobs) == {'steps', 'temperature', 'guidance'}
  given = {'label': jnp.arange(400) % 2}
  for weight in (1.0, 0.0, 1.5):
    sample = jax.jit(
      lambda w=weight: model.sample({'network': {}}, {}, jax.random.key(1), 400, given, guidance=w)
    )
    x = sample()
    np.testing.assert_allclose(x[::2].mean(), MEAN, atol=0.03)
    np.testing.assert_allclose(x[1::2].mean(), MEAN + 2 * weight, atol=0.05)
    np.testing.assert_allclose(x.reshape(200, -1)[:, 8:].std(), STD, rtol=0.05)
  steps = jax.jit(
    lambda: model.trajectory({'network': {}}, {}, jax.random.key(1), 400, given, guidance=1.5)
  )()
  np.testing.assert_allclose(steps[-1], x, atol=1e-4)
  always = model_of(Shifted(), given=LABEL, guidance=Guidance(1.5, 0.1))
  assert always.objective.endswith('118 evaluations') and always.knobs['guidance'] == 1.5


def test_completion_is_turned_as_samples_are():
  """With nothing observed it draws samples, whose moments are known at each value of each knob."""
  model = model_of(
    Shifted(), given=LABEL, guidance=Guidance(label_dropout=0.1), completion=completed_by(way_of('heun'))
  )
  batch = {'x': jnp.zeros((400, 8)), 'label': jnp.arange(400) % 2}
  nothing = jnp.zeros((400, 8), bool)

  def moments(**knobs):
    x = jax.jit(lambda rng: model.complete({'network': {}}, {}, rng, batch, nothing, **knobs))(
      jax.random.key(0)
    )
    return x[::2].mean(), x[1::2].mean(), x[1::2].std()

  assert set(model.completion_knobs) == set(model.knobs)
  np.testing.assert_allclose(moments(), [MEAN, MEAN + 2, STD], atol=0.03)
  np.testing.assert_allclose(moments(guidance=1.5), [MEAN, MEAN + 3, STD], atol=0.05)
  np.testing.assert_allclose(moments(guidance=0.0), [MEAN, MEAN, STD], atol=0.03)
  np.testing.assert_allclose(moments(temperature=0.25), [MEAN, MEAN + 2, STD / 2], atol=0.03)
  np.testing.assert_allclose(
    moments(steps=1), [MEAN, MEAN + 2, 0], atol=0.03
  )  # the mean, as seen through all noise


def test_evaluation_sees_all_labels():
  """The loss of the exact score, `D v / (v + sigma^2) / 2`; without its label an example adds 13 at a sigma of 1."""
  path = variance_exploding([1.0, 0.5])
  model = model_of(Shifted(), path=path, given=LABEL, guidance=Guidance(label_dropout=0.9))
  labels = jnp.arange(4000) % 2
  x = MEAN + 2 * labels[:, None] + STD * jax.random.normal(jax.random.key(0), (4000, 8))
  terms = model.evaluate({'network': {}}, {}, jax.random.key(1), {'x': x, 'label': labels})
  assert float(terms['loss_sigma_1'].mean()) == pytest.approx(4 * VARIANCE / (VARIANCE + 1), rel=0.05)


def test_labels_are_left_out_of_a_share_of_the_training_alone():
  class Seeing(nn.Module):
    @nn.compact
    def __call__(self, x, sigma, given, train):
      seen = self.variable('batch_stats', 'seen', lambda: jnp.zeros(()))
      if train:
        seen.value = given['label'].sum(-1).mean()
      return -x * self.param('scale', nn.initializers.ones_init(), ())

  def seen(dropout):
    model = model_of(Seeing(), given=LABEL, guidance=Guidance(label_dropout=dropout))
    params, extra = model.init(jax.random.key(0), {})
    state = State(jnp.zeros((), jnp.int32), params, extra, model.update.init(params), jax.random.key(1))
    apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    batch = {'x': jnp.zeros((4000, 8)), 'label': jnp.arange(4000) % 2}
    state, _ = jax.jit(apply)(state, jax.random.key(2), batch)
    return float(jax.tree.leaves(state.extra)[0])

  assert seen(0.0) == 1
  assert seen(0.3) == pytest.approx(0.7, abs=0.03)


class Pairs(nn.Module):
  """The exact score of pairs of numbers of variance one and correlation 0.9, f32[B, N, 2]."""

  @nn.compact
  def __call__(self, x, sigma, given, train):
    covariance = jnp.array([[1.0, 0.9], [0.9, 1.0]]) + sigma[:, None, None] ** 2 * jnp.eye(2)
    return -jnp.einsum('bij,bnj->bni', jnp.linalg.inv(covariance), x)


def test_completion_keeps_what_is_observed_and_draws_what_fits_it():
  """Twelve pairs an example, for the corrector's step; the other of 1.5 is N(1.35, 0.19)."""
  sigmas = geometric_sigmas(10.0, 0.02, 20)
  model = model_of(Pairs(), shape=(12, 2), path=variance_exploding(sigmas))
  params, extra = model.init(jax.random.key(0), {})
  x = jnp.tile(jnp.array([1.5, 9.0]), (100, 12, 1))
  observed = jnp.broadcast_to(jnp.array([True, False]), x.shape)
  found = jax.jit(model.complete)(params, extra, jax.random.key(1), {'x': x}, observed)
  np.testing.assert_array_equal(found[..., 0], 1.5)
  # replacing the observed part is no exact draw, but near one
  np.testing.assert_allclose(found[..., 1].mean(), 1.35, atol=0.2)
  np.testing.assert_allclose(found[..., 1].std(), 0.19**0.5, atol=0.1)


def test_resampling_draws_what_is_missing_more_exactly():
  path = variance_exploding(geometric_sigmas(10.0, 0.02, 20))
  x = jnp.tile(jnp.array([1.5, 9.0]), (100, 12, 1))
  observed = jnp.broadcast_to(jnp.array([True, False]), x.shape)
  errors = []
  for num_resamplings in (1, 10):
    completion = completed_by(way_of('ddpm', path, num_steps=40), num_resamplings)
    model = model_of(Pairs(), shape=(12, 2), path=path, completion=completion)
    found = jax.jit(model.complete)({'network': {}}, {}, jax.random.key(1), {'x': x}, observed)
    np.testing.assert_array_equal(found[..., 0], 1.5)
    errors.append(abs(float(found[..., 1].mean()) - 1.35))
  assert errors[1] < 0.05 < errors[0]


@pytest.mark.parametrize('name', WAYS)
def test_completion_goes_by_any_way(name):
  completion = completed_by(way_of(name, FEW))
  model = model_of(Shifted(), name, FEW, shape=(4,), completion=completion)
  assert set(model.completion_knobs) == set(model.knobs)
  observed = jnp.array([[True, False, True, False]])
  x = {'x': jnp.full((1, 4), 0.9)}
  found = model.complete({'network': {}}, {}, jax.random.key(0), x, observed, temperature=0.5)
  np.testing.assert_array_equal(found[0, ::2], np.float32(0.9))
  assert np.isfinite(found).all() and np.all(np.abs(found[0, 1::2] - MEAN) < 2)


def test_a_knob_that_means_something_else_there_does_not_reach_completion():
  model = model_of(Shifted(), 'heun')  # 30 steps of Heun, and by default 100 of predictor and corrector
  assert set(model.completion_knobs) == {'temperature'}


def test_as_many_steps_of_another_way_are_others():
  model = model_of(Shifted(), 'ddpm', completion=completed_by(way_of('predictor_corrector', num_steps=150)))
  assert model.knobs['steps'] == model_of(Shifted(), 'ddpm').knobs['steps'] == 150
  assert set(model.completion_knobs) == {'temperature'}


def test_a_projection_may_be_observed():
  """The mean of all entries, as the grey of a pixel is."""
  model = model_of(Shifted(), shape=(4,))
  mean = lambda x: jnp.broadcast_to(x.mean(-1, keepdims=True), x.shape)  # noqa: E731
  x = jnp.tile(jnp.array([0.1, 0.9, 0.4, 1.0]), (50, 1))
  found = model.complete({'network': {}}, {}, jax.random.key(0), {'x': x}, mean)
  np.testing.assert_allclose(found.mean(1), x.mean(1), atol=1e-5)
  assert found.std(1).mean() == pytest.approx(STD, rel=0.3)


def test_what_a_projection_shows_of_whole_numbers_is_kept_up_to_half_a_level():
  completion = completed_by(way_of('heun', FEW))
  model = model_of(Shifted(), path=FEW, x=Field('image', (2, 2, 3), 9), completion=completion)
  x = jax.random.randint(jax.random.key(0), (20, 2, 2, 3), 4, 8)
  found = model.complete({'network': {}}, {}, jax.random.key(1), {'x': x}, grey, temperature=0.1)
  assert found.dtype == jnp.uint8 and found.min() > 0 and found.max() < 8  # none is cut
  off = np.abs(found.astype(float).mean(-1) - x.mean(-1))
  assert 0 < off.max() <= 0.5


def refused(words, call):
  with pytest.raises(ValueError, match=words):
    call()


def test_what_does_not_fit_is_refused():
  refused(
    'needs a network that is the score without',
    lambda: model_of(Shifted(), given=LABEL, guidance=Guidance(2.0)),
  )
  refused('nothing is given', lambda: model_of(Shifted(), guidance=Guidance(label_dropout=0.1)))
  for name in ('annealed', 'ncsnv2', 'langevin', 'underdamped'):
    refused('stay at one', lambda name=name: completed_by(way_of(name), 5))
  refused('is a stretch longer', lambda: completed_by(way_of('heun'), 2, jump_length=31))
  completed_by(way_of('heun'), 1, jump_length=31)  # of no stretch
  refused('churn_max be at most 30', lambda: way_of('edm', churn_max=35.0))
  refused('churn_min 3 above churn_max', lambda: way_of('edm', churn_min=3.0))
  refused('temperature', lambda: drawn(way_of('heun').turned(temperature=0.0), gaussian_score(), (2, 2)))
  model, x = model_of(Shifted(), shape=(4,)), jnp.zeros((3, 4))
  draw = lambda **knobs: model.sample({'network': {}}, {}, jax.random.key(0), 2, **knobs)  # noqa: E731
  complete = lambda seen, **knobs: model.complete(  # noqa: E731
    {'network': {}}, {}, jax.random.key(0), {'x': x}, seen, **knobs
  )
  refused(r'must be of its shape, \(3, 4\), not \(4,\)', lambda: complete(jnp.ones(4, bool)))
  for sigma in (50.0, 0.001, np.nan):
    levels = jnp.array([0.02, 1.0, sigma])
    refused('was trained', lambda levels=levels: model.score({'network': {}}, {}, x, levels))
  refused('guidance cannot .* steps, temperature here', lambda: draw(guidance=2.0))
  refused('friction, pace cannot', lambda: draw(friction=1.0, pace=2.0))
  refused('guidance cannot', lambda: complete(x > 0, guidance=2.0))
  refused('keeps the shape of x', lambda: complete(lambda x: x.mean(-1)))
  repainted = model_of(Shifted(), shape=(4,), completion=completed_by(way_of('heun'), 2, jump_length=5))
  short = dict(rng=jax.random.key(0), batch={'x': x}, observed=x > 0, steps=4)
  refused(
    'jump_length=5 is a stretch longer .* at most 4', lambda: repainted.complete({'network': {}}, {}, **short)
  )
  image = {**LABEL, 'image': Field('image', (2, 2, 1), 256)}
  refused(
    'no label is, but image may',
    lambda: model_of(Shifted(), given=image, guidance=Guidance(label_dropout=0.1)),
  )
