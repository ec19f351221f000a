"""What a model is measured by follows from what it can do, and every number says how it came about."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.data.source import from_arrays
from jaxgen.errors import UserError
from jaxgen.metrics import features, results
from jaxgen.metrics.catalogue import METRICS, possible
from jaxgen.metrics.evaluation import Run, Settings, Setup
from jaxgen.metrics.features.reference import halves
from jaxgen.metrics.frechet import frechet_distance, gaussian_statistics
from jaxgen.metrics.measure import measure, measure_samples
from jaxgen.types import Estimate, Field, GenerativeModel

_RUN = Run('runs/tiny', 'tests.tiny', 'c0ffee', step=7, weights='averaged')
_CENTRES = np.array([[-4.0, 0.0], [4.0, 0.0]], np.float32)
_ENTROPY = np.log(2) + np.log(2 * np.pi * np.e * 0.01)  # the modes do not overlap


def _split(seed, num):
  rng = np.random.default_rng(seed)
  x = _CENTRES[rng.integers(2, size=num)] + 0.1 * rng.normal(size=(num, 2))
  return from_arrays('two', {'x': Field('vector', (2,), 0)}, {'x': x.astype(np.float32)})


@pytest.fixture
def two_modes():
  train, test = _split(0, 400), _split(1, 230)
  return features.Reference('toy:two', train.spec, train, test, _CENTRES, 0.1, _log_density)


def _log_density(x, centres=_CENTRES):
  squared = ((x[:, None] - centres) ** 2).sum(-1) / 0.01
  return jax.nn.logsumexp(-squared / 2, axis=-1) - jnp.log(2 * 2 * jnp.pi * 0.01)


def _log_prob(params, extra, rng, batch):
  return _log_density(batch['x'], params['centres'])


def _sample(params, extra, rng, num, given=None):
  which, noise = jax.random.split(rng)
  place = jax.random.randint(which, (num,), 0, len(params['centres']))
  return params['centres'][place] + 0.1 * jax.random.normal(noise, (num, 2))


def _model(**abilities):
  nothing = dict(init=None, update=None, evaluate=None, sample=None, objective='')
  return GenerativeModel(**(nothing | abilities))


_FLOW = _model(
  sample=_sample,
  log_prob=_log_prob,
  log_prob_estimate=Estimate('exact', given=('label',)),
  encode=lambda params, extra, rng, batch: batch['x'],
  decode=lambda params, extra, z, given=None: z + 0.5,
)
_PARAMS = {'centres': jnp.asarray(_CENTRES)}


def _setup(reference, tmp_path, run=_RUN, say=pytest.fail, **settings):
  by, how = features.choose(reference, tmp_path), Settings(**{'batch_size': 64} | settings)
  return Setup(run, reference, by, tmp_path / 'cache', tmp_path / 'scratch', how, say)


def _measure(reference, tmp_path, model=_FLOW, params=_PARAMS, **how):
  return measure(model, params, {}, _setup(reference, tmp_path, **how))


def _measure_samples(x, reference, tmp_path, **how):
  return measure_samples(x, _setup(reference, tmp_path, **how))


def test_a_perfect_model_of_a_known_density(two_modes, tmp_path):
  records = {r.metric: r for r in _measure(two_modes, tmp_path)}
  assert set(records) == {
    'bits_per_dim', 'kl_data_model', 'reconstruction_error', 'frechet_distance', 'frechet_to_train', 'frechet_to_test',
    'kernel_distance', 'precision', 'recall', 'density', 'coverage', 'nearest_training_ratio', 'copied',
    'modes_covered', 'close_to_modes',
  }  # fmt: skip
  value = {name: r.value for name, r in records.items()}
  # not only on average: whatever examples are drawn, a perfect model has no divergence
  assert value['kl_data_model'] == pytest.approx(0, abs=1e-6)
  assert records['kl_data_model'].standard_error < 1e-6
  bits = records['bits_per_dim']
  assert bits.value == pytest.approx(_ENTROPY / 2 / np.log(2), abs=4 * bits.standard_error)
  assert value['reconstruction_error'] == pytest.approx(0.25)
  assert records['reconstruction_error'].settings == 'mean square'  # vectors have no pixels
  assert value['frechet_distance'] < 1  # 31 where a mode is dropped
  assert value['modes_covered'] == 2
  assert min(value['precision'], value['recall'], value['coverage']) > 0.9
  assert value['nearest_training_ratio'] == pytest.approx(1, abs=0.2)


def test_the_divergence_of_a_model_whose_modes_are_displaced(two_modes, tmp_path):
  """Between Gaussians of equal variance it is |displacement|^2 / (2 variance), in nats; above 0, as it has to be."""
  displaced = {'centres': jnp.asarray(_CENTRES + np.array([0.03, 0.04]))}
  (record,) = _measure(two_modes, tmp_path, params=displaced, metrics=('kl_data_model',))
  assert record.value == pytest.approx(0.125, abs=4 * record.standard_error)
  # the log-ratio has the variance |displacement|^2 / variance
  assert record.standard_error == pytest.approx(0.5 / 230**0.5, rel=0.2)


@pytest.mark.parametrize('field', [Field('vector', (8,), 2), Field('tokens', (8,), 5)])
def test_the_likelihood_of_binary_data_and_of_tokens_is_told_in_nats(tmp_path, field):
  """Of fair coins, and of dice, `-log P` is `D log(levels)`, and their density on the unit cube 1."""
  x = np.random.default_rng(0).integers(field.levels, size=(50, 8), dtype=np.uint8)
  coins = from_arrays('coins', {'x': field}, {'x': x})
  estimate = Estimate('lower bound', importance_samples=5000)
  model = _model(
    log_prob=lambda params, extra, rng, batch: jnp.zeros(len(batch['x'])), log_prob_estimate=estimate
  )
  reference = features.Reference('coins', coins.spec, coins, coins, None, None, None)
  nats, bits = _measure(reference, tmp_path, model, metrics=('negative_log_likelihood', 'bits_per_dim'))
  assert (nats.metric, nats.importance_samples, nats.settings) == ('negative_log_likelihood', 5000, 'nats')
  assert nats.value == pytest.approx(8 * np.log(field.levels))
  assert bits.value == pytest.approx(np.log2(field.levels))


def test_bits_of_examples_with_gaps_are_per_observed_entry(tmp_path):
  observed = np.repeat(np.array([[1, 1, 1, 1], [0, 1, 0, 0]], np.uint8), 10, axis=0)
  spec = {'x': Field('table', (4,), 0), 'observed': Field('mask', (4,), 2)}
  gaps = from_arrays('gaps', spec, {'x': np.zeros((20, 4), np.float32), 'observed': observed})
  model = _model(
    log_prob=lambda params, extra, rng, batch: -3.0 * np.log(2) * (batch['observed'] != 0).sum(-1),
    log_prob_estimate=Estimate('exact'),
  )
  reference = features.Reference('gaps', spec, gaps, gaps, None, None, None)
  (bits,) = _measure(reference, tmp_path, model, metrics=('bits_per_dim',))
  assert bits.value == pytest.approx(3) and bits.settings == 'per observed entry'


def test_masses_of_sentences_are_told_as_they_are_and_per_token_of_all(tmp_path):
  """Of 1, 3 and 5 tokens of 7 values: no volume is taken from them."""
  masses, tokens = np.array([-0.887, -3.015, -5.788], np.float32), np.array([1, 3, 5])
  arrays = {'x': np.zeros((3, 5), np.uint8), 'observed': (np.arange(5) < tokens[:, None]).astype(np.uint8)}
  split = from_arrays('three', {'x': Field('tokens', (5,), 7), 'observed': Field('mask', (5,), 2)}, arrays)
  of_length = dict(zip(tokens, masses, strict=True))

  def log_prob(params, extra, rng, batch):
    length = batch['observed'].sum(1)
    return sum(jnp.where(length == each, mass, 0) for each, mass in of_length.items())

  model = _model(log_prob=log_prob, log_prob_estimate=Estimate('exact'))
  records = _measure(features.Reference('three', split.spec, split, split), tmp_path, model)
  value = {record.metric: record.value for record in records}
  assert value['negative_log_likelihood'] == pytest.approx(-masses.mean(), rel=1e-6)
  assert value['bits_per_dim'] == pytest.approx(-masses.sum() / 9 / np.log(2), rel=1e-6)


def test_every_number_carries_its_protocol(two_modes, tmp_path):
  records = {r.metric: r for r in _measure(two_modes, tmp_path, num_samples=100)}
  frechet = records['frechet_distance']
  assert (frechet.data, frechet.split, frechet.features, frechet.resize) == (
    'toy:two',
    'train',
    'identity',
    'none',
  )
  assert (frechet.n_generated, frechet.n_reference) == (100, 400)
  assert (frechet.weights, frechet.step, frechet.seed, frechet.run) == ('averaged', 7, 0, 'runs/tiny')
  assert frechet.versions['jax'] == jax.__version__
  assert len(frechet.params_sha) == 8
  likelihood = records['bits_per_dim']
  assert (likelihood.kind, likelihood.split, likelihood.n_reference) == ('exact', 'test', 230)
  assert (likelihood.n_generated, likelihood.features, likelihood.given) == (0, '', ('label',))
  assert likelihood.standard_error == pytest.approx(likelihood.spread / 230**0.5)
  assert (frechet.standard_error, frechet.given) == (None, ())
  path = tmp_path / 'results.jsonl'
  results.append(path, list(records.values()))
  assert results.read(path) == list(records.values())


def test_the_spread_of_a_kernel_distance_is_one(two_modes, tmp_path):
  (record,) = _measure(two_modes, tmp_path, metrics=('kernel_distance',), num_samples=300)
  assert record.settings == '100 subsets of 150'
  assert record.spread > 1e-3


def test_one_half_of_the_data_is_a_ceiling_for_models_measured_against_the_other(tmp_path):
  """Few test examples, drawn again and again, had neighbourhoods of no size: a recall of 0 for the data themselves."""
  rng = np.random.default_rng(0)
  x = rng.normal(size=(1400, 2)).astype(np.float32)
  x = x[x[:, 0].argsort()]  # as folders are sorted by classes
  train, test = (from_arrays('plane', {'x': Field('vector', (2,), 0)}, {'x': part}) for part in (x, x[::20]))
  reference = features.Reference('plane', train.spec, train, test)
  ours, theirs = halves(len(train))
  assert len(set(ours) | set(theirs)) == 1400 and len(ours) == len(theirs)
  how = dict(against='half', num_samples=600)
  ceiling = {r.metric: r for r in _measure_samples(x[ours], reference, tmp_path, **how)}
  assert min(ceiling[m].value for m in ('precision', 'recall', 'coverage')) > 0.93
  assert ceiling['frechet_distance'].value < 0.02
  perfect = _model(sample=lambda params, extra, rng, num, given=None: jax.random.normal(rng, (num, 2)))
  records = {r.metric: r for r in _measure(reference, tmp_path, perfect, **how)}
  for metric, record in records.items():
    results.check_alike([record, ceiling[metric]])
  assert (records['recall'].n_generated, records['recall'].n_reference, records['recall'].split) == (
    600,
    700,
    'half',
  )
  with pytest.raises(UserError, match='700 samples are too few to measure 800'):
    _measure_samples(x[ours], reference, tmp_path, against='half', num_samples=800)


def test_a_model_that_copies_is_near_to_the_training_data_alone(two_modes, tmp_path):
  seen = jnp.asarray(
    two_modes.train.examples(np.arange(0, 400, 2))['x']
  )  # not all: copies, and a poor memory
  seen = seen * jnp.array([1.0, 20.0]) - jnp.array([0.0, 0.5])
  train = from_arrays('two', two_modes.spec, {'x': np.asarray(seen)})
  copies = _model(sample=lambda params, extra, rng, num, given=None: jax.random.permutation(rng, seen)[:num])
  asked = ('frechet_to_splits', 'memorization')
  records = _measure(
    two_modes._replace(train=train), tmp_path, copies, num_samples=200, batch_size=200, metrics=asked
  )
  near, far, ratio, copied = records
  assert [(r.metric, r.split, r.n_reference) for r in (near, far)] == [
    ('frechet_to_train', 'train', 200), ('frechet_to_test', 'test', 200),
  ]  # fmt: skip
  assert near.value < 1e-6 and far.value > 0.1
  assert ratio.value == 0 and copied.value == 1


def test_what_a_model_cannot_do_is_not_measured_and_not_to_be_asked_for(two_modes, tmp_path):
  by = features.choose(two_modes, tmp_path)
  sampler, density = _model(sample=_sample), _model(log_prob=_log_prob)
  assert 'bits_per_dim' not in possible(sampler, two_modes, by)
  assert possible(density, two_modes, by) == ['bits_per_dim', 'kl_data_model']
  assert 'sharpness' not in possible(_FLOW, two_modes, by)
  gaps = {**two_modes.spec, 'observed': Field('mask', (2,), 2)}
  assert possible(_FLOW, two_modes._replace(spec=gaps), by) == ['bits_per_dim', 'kl_data_model']
  with pytest.raises(UserError, match='bits_per_dim needs log_prob; tests.tiny on toy:two allows: frechet'):
    _measure(two_modes, tmp_path, sampler, metrics=('bits_per_dim',))
  with pytest.raises(UserError, match='reconstruction_error needs decode, encode'):
    _measure(two_modes, tmp_path, sampler, metrics=('reconstruction_error',))
  with pytest.raises(UserError, match='no metric "fid"; choose of: bits_per_dim'):
    _measure(two_modes, tmp_path, metrics=('fid',))


def test_a_model_that_drops_a_mode(two_modes, tmp_path):
  dropped = {'centres': jnp.asarray(_CENTRES[:1])}
  asked = ('mixture_modes', 'precision_recall', 'frechet_distance')
  values = {r.metric: r.value for r in _measure(two_modes, tmp_path, params=dropped, metrics=asked)}
  assert values['modes_covered'] == 1
  assert values['precision'] > 0.9
  assert values['recall'] == pytest.approx(0.5, abs=0.1)
  data = gaussian_statistics(two_modes.train.examples(np.arange(400))['x'])
  expected = frechet_distance(data.mean, data.cov, _CENTRES[0], 0.01 * np.eye(2))
  assert values['frechet_distance'] == pytest.approx(expected, rel=0.01)


def test_an_evaluation_that_was_killed_goes_on_where_it_was(two_modes, tmp_path, monkeypatch):
  calls = []

  def counted(kill_at):
    def apply(x):
      calls.append(len(x))
      if len(calls) == kill_at:
        raise KeyboardInterrupt
      return np.asarray(x), None

    return features.choose(two_modes, tmp_path)._replace(apply=apply)

  def run(by, scratch='scratch'):
    setup = _setup(two_modes, tmp_path, num_samples=200, batch_size=50, metrics=('frechet_distance',))
    return measure(_FLOW, _PARAMS, {}, setup._replace(features=by, scratch=tmp_path / scratch))

  with pytest.raises(KeyboardInterrupt):
    run(counted(kill_at=3))
  calls.clear()
  resumed = run(counted(0))
  assert len(calls) == 2 + 1  # two batches of samples, and the data
  assert not any((tmp_path / 'scratch').iterdir())
  calls.clear()
  whole = run(counted(0), scratch='elsewhere')
  assert len(calls) == 4  # the data's are kept
  assert [r._replace(time='') for r in whole] == [r._replace(time='') for r in resumed]


def test_more_samples_begin_with_the_same_ones(two_modes, tmp_path):
  seen = []
  by = features.choose(two_modes, tmp_path)
  by = by._replace(apply=lambda x: (seen.append(np.asarray(x)), (x, None))[1])
  for num in (60, 100):
    seen.clear()
    setup = _setup(two_modes, tmp_path, num_samples=num, batch_size=50, metrics=('mixture_modes',))
    measure(_FLOW, _PARAMS, {}, setup._replace(features=by))
    if num == 60:
      first = seen[0]
  np.testing.assert_array_equal(first, seen[0])
  assert not np.array_equal(seen[0], seen[1])


LEFT_OUT = [
  'frechet_distance',
  'frechet_to_splits',
  'kernel_distance',
  'precision_recall',
  'density_coverage',
]


def test_too_few_samples_are_said_where_they_were_asked_for_and_left_out_elsewhere(two_modes, tmp_path):
  few = _split(0, 2)
  reference = features.Reference('toy:few', few.spec, few, few)
  said = []
  records = _measure(reference, tmp_path, _model(sample=_sample), say=said.append)
  assert {r.metric for r in records} == {'nearest_training_ratio', 'copied'}
  assert [line.split(' is')[0] for line in said] == LEFT_OUT
  with pytest.raises(
    UserError, match='2 samples are too few for the covariance of 2 features: .* at least 3 samples'
  ):
    _measure(two_modes, tmp_path, _model(sample=_sample), num_samples=2)
  with pytest.raises(
    UserError, match='5 samples are too few for 5 neighbours of each: measure with at least 6'
  ):
    _measure(two_modes, tmp_path, _model(sample=_sample), num_samples=5, metrics=('density_coverage',))


@pytest.mark.parametrize('num', [1, 2, 100])
def test_where_the_data_are_too_few_no_number_of_samples_is_asked_for(tmp_path, num):
  """The sentence names the split that is too small; its metrics are left out, unless they were asked for by name."""
  many, few = _split(0, 400), _split(1, 2)
  reference = features.Reference('toy:few', many.spec, few, many)
  said = []
  records = _measure(reference, tmp_path, _model(sample=_sample), say=said.append, num_samples=num)
  assert {r.metric for r in records} == {'nearest_training_ratio', 'copied'}
  assert [line.partition(' is left out: ')[0] for line in said] == LEFT_OUT
  assert all('the 2 examples of train are too few for ' in line for line in said)
  with pytest.raises(UserError, match='the 2 examples of train are too few for the covariance of 2 features'):
    _measure(reference, tmp_path, _model(sample=_sample), num_samples=num, metrics=('frechet_distance',))
  swapped = reference._replace(train=many, test=few)
  with pytest.raises(UserError, match='the 2 examples of test are too few'):
    _measure(swapped, tmp_path, _model(sample=_sample), num_samples=100, metrics=('frechet_to_splits',))


@pytest.mark.parametrize(
  ('sample', 'said'),
  [
    (lambda *a, **k: jnp.zeros((a[3], 3)), r'samples float32\[3\], but the data are float32\[2\]'),
    (lambda *a, **k: jnp.zeros((a[3], 2), jnp.uint8), r'samples uint8\[2\]'),
    (lambda *a, **k: jnp.full((a[3], 2), jnp.nan), '64 of 64 samples are not finite'),
  ],
)
def test_samples_that_are_not_what_the_data_are(sample, said, two_modes, tmp_path):
  with pytest.raises(UserError, match=said):
    _measure(two_modes, tmp_path, _model(sample=sample), metrics=('frechet_distance',))


@pytest.mark.parametrize(('needs_noise', 'draws'), [(1, 16), (0, 0)])
def test_more_draws_of_noise_make_the_same_number_more_certain(two_modes, tmp_path, needs_noise, draws):
  def log_prob(params, extra, rng, batch):
    return -1.0 + jax.random.normal(rng, (len(batch['x']),))

  model = _model(log_prob=log_prob, log_prob_estimate=Estimate('exact', noise_draws=needs_noise))
  how = dict(metrics=('bits_per_dim',))
  once, often = (_measure(two_modes, tmp_path / str(n), model, noise_draws=n, **how)[0] for n in (1, 16))
  assert (once.noise_draws, often.noise_draws) == (needs_noise, draws)
  if needs_noise:
    assert often.spread == pytest.approx(once.spread / 4, rel=0.2)
    assert often.value == pytest.approx(
      0.5 / np.log(2), abs=4 * often.standard_error
    )  # not the mean of densities
  else:
    assert often == once._replace(time=often.time)


def test_a_part_of_the_held_out_examples_is_spread_over_the_split_and_is_no_whole(two_modes, tmp_path):
  model = _model(log_prob=lambda params, extra, rng, batch: -jnp.abs(batch['x']).sum(1))
  how = dict(metrics=('bits_per_dim',), batch_size=7)
  whole, part = (_measure(two_modes, tmp_path / str(n), model, num_held_out=n, **how)[0] for n in (0, 10))
  test = np.asarray(two_modes.test.examples(np.arange(len(two_modes.test)))['x'])
  chosen = test[np.linspace(0, len(test) - 1, 10).astype(int)]
  assert part.value == pytest.approx(np.abs(chosen).sum(1).mean() / test.shape[1] / np.log(2), rel=1e-5)
  assert (whole.n_reference, part.n_reference) == (len(test), 10)
  with pytest.raises(UserError, match='n_reference'):
    results.check_alike([whole, part])


def test_the_validation_split_can_be_measured(two_modes, tmp_path):
  held_out = two_modes._replace(validation=two_modes.train)
  by = dict(metrics=('bits_per_dim', 'memorization'), split='validation')
  bits, *_ = _measure(held_out, tmp_path, **by)
  assert (bits.split, bits.n_reference) == ('validation', 400)
  with pytest.raises(UserError, match='toy:two has no split "validation" here; there are train, test'):
    _measure(two_modes, tmp_path, **by)


def test_a_likelihood_that_is_not_finite_counts_the_examples(two_modes, tmp_path):
  model = _model(log_prob=lambda *a: jnp.where(a[3]['x'][:, 0] > 0, jnp.nan, 0.0))
  positive = int((two_modes.test.examples(np.arange(230))['x'][:, 0] > 0).sum())
  with pytest.raises(UserError, match=f'log-likelihood of {positive} of 230 test examples is not finite'):
    _measure(two_modes, tmp_path, model)


def test_images_have_classes_and_sharpness(tmp_path):
  rng = np.random.default_rng(0)
  label = np.arange(300, dtype=np.int32) % 3
  x = (rng.integers(0, 6, (300, 4, 4, 1)) + 5 * label[:, None, None, None]).astype(np.uint8)
  source = from_arrays(
    'made', {'x': Field('image', (4, 4, 1), 17), 'label': Field('label', (), 3)}, {'x': x, 'label': label}
  )
  reference = features.Reference('made', source.spec, source, source)
  records = {r.metric: r for r in _measure_samples(x, reference, tmp_path)}
  assert records['classes_covered'].value == 3
  assert records['class_divergence'].value < 0.05
  assert records['sharpness'].value == pytest.approx(1, abs=0.05)
  assert records['sharpness'].features == ''
  assert 2 < records['inception_score'].value <= 3
  assert records['inception_score'].n_reference == 0
  assert records['precision'].value == 1
  assert records['frechet_distance'].features.startswith('classifier (made, accuracy 1.000')
  dim = _model(sample=lambda *a, **k: jnp.full((a[3], 4, 4, 1), 17, jnp.uint8))
  with pytest.raises(UserError, match='values up to 17, but the data have 17 levels'):
    _measure(reference, tmp_path, dim)


def test_every_metric_needs_something_that_can_be_told():
  known = {'sample', 'log_prob', 'encode', 'decode', 'numbers', 'images', 'known modes', 'known density',
           'class probabilities', 'a classifier of the data', 'binary data or tokens',
           'a pitch that is asked for'}  # fmt: skip
  for name, metric in METRICS.items():
    assert metric.needs, name
    assert metric.needs <= known, name
