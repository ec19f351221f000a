import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import codes_digits, vqvae_digits
from jaxgen import experiment, fields, train, uses
from jaxgen.errors import UserError
from jaxgen.families.autoregressive import whole_network
from jaxgen.models.autoregressive import charlm
from jaxgen.models.autoregressive.codes_prior import CodesPrior, build, cached
from jaxgen.types import Field, GenerativeModel, Stage, Update

CODES, TOP = Field('tokens', (2, 3), 5), Field('tokens', (1, 2), 4)
LEVELS = {'top': TOP, 'bottom': CODES}


def _decoder(codes):
  model = GenerativeModel(lambda: None, Update(lambda: None, lambda: None), dict, None, 'loss', codes=codes)
  return {'decoder': Stage('runs/vqvae', ConfigDict(), model, {}, {}, 1, 'abc')}


def _config(x=CODES, beside=None, **changes):
  config = codes_digits.get_config('smoke')
  config.data.fields = fields.to_dict({'x': x, 'label': Field('label', (), 3), **(beside or {})})
  config.model.update(changes)
  return config


@pytest.mark.parametrize('above', [(), (('top', TOP),)], ids=['alone', 'below others'])
def test_cached_prediction_of_a_grid_equals_the_whole_network(above):
  text = charlm.CharLM(6, CODES.levels, width=16, num_layers=2, num_heads=2, look_back=3)
  network, given = CodesPrior(text, CODES.shape, above), {'label': jax.nn.one_hot(jnp.array([0, 2]), 3)}
  given |= {name: jnp.array([[[1, 3]], [[2, 0]]]) for name, _ in above}
  x = jax.random.randint(jax.random.key(0), (2, *CODES.shape), 0, CODES.levels)
  shapes = jax.eval_shape(lambda rng: network.init(rng, x, given, False), jax.random.key(0))
  noise = np.random.default_rng(0)
  variables = jax.tree.map(lambda leaf: jnp.asarray(noise.normal(0, 0.5, leaf.shape), leaf.dtype), shapes)

  def run(*args, method=None):
    return network.apply(variables, *args, **({'method': method} if method else {'train': False}))

  def all_logits(predictor):
    predict, init_cache = predictor(run, given)

    def body(cache, index):
      logits, cache = predict(jnp.where(jnp.arange(6).reshape(2, 3) < index, x, 4), index, cache)
      return cache, logits

    return jax.jit(lambda: jax.lax.scan(body, init_cache(x), jnp.arange(6))[1])()

  whole = jax.jit(lambda: network.apply(variables, x, given, False))()
  assert whole.shape == (2, 2, 3, 5)
  for predictor in (cached(network), whole_network):
    found = all_logits(predictor).swapaxes(0, 1).reshape(whole.shape)
    np.testing.assert_allclose(found, whole, atol=1e-4)


@pytest.mark.parametrize(
  ('config', 'codes', 'message'),
  [
    (
      _config(),
      Field('tokens', (2, 3), 6),
      r'5 values, and the stage decoder .* codes of shape \(2, 3\), 6 in all',
    ),
    (_config(Field('vector', (6,), 0)), CODES, 'holds vector of shape'),
    (_config(), None, 'takes no codes; make the data by --mode=sample --use=codes'),
    (_config(), LEVELS, r'holds tokens of shape \(2, 3\) .* takes codes of shape \(1, 2\), 4 in all'),
    (
      _config(beside={'top': CODES}),
      LEVELS,
      r'holds tokens of shape \(2, 3\) .* takes codes of shape \(1, 2\)',
    ),
    (
      _config(TOP, beside={'top': TOP}),
      LEVELS,
      r'holds tokens of shape \(1, 2\) .* takes codes of shape \(2, 3\)',
    ),
    (_config(num_heads=3), CODES, 'multiple of config.model.num_heads=3'),
  ],
)
def test_codes_that_are_not_those_of_the_decoder_are_refused(config, codes, message):
  with pytest.raises(UserError, match=message):
    build(config, _decoder(codes))


def test_a_position_sees_the_codes_above_its_own_place():
  text = charlm.CharLM(8, CODES.levels, width=4, num_layers=1, num_heads=1, look_back=1)
  network, codes = (
    CodesPrior(text, (1, 8), (('top', Field('tokens', (1, 4), 4)),)),
    jnp.zeros((1, 1, 4), jnp.int32),
  )
  variables = network.init(jax.random.key(0), {'top': codes}, method='context')
  seen, other = (
    network.apply(variables, {'top': top}, method='context')[0] for top in (codes, codes.at[0, 0, 0].set(1))
  )
  np.testing.assert_array_equal(
    (seen != other).any(-1), [True] * 4 + [False] * 4
  )  # two each, and their neighbours


@pytest.mark.slow
def test_from_images_to_codes_to_a_prior_to_images_of_the_class_that_is_asked_for(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  quiet = dict(eval_every=0, sample_every=0)
  for config, folder in ((vqvae_digits, 'vqvae_digits'), (codes_digits, 'codes_digits')):
    config = config.get_config('smoke')
    config.update(quiet)
    train.train(config, f'runs/{folder}')
    if folder == 'vqvae_digits':
      uses.use('runs/vqvae_digits', options=uses.Options(use=('codes',)))
  asked = uses.Options(use=('samples', 'decoded'), num=6, given={'label': '3'})
  written = uses.use('runs/codes_digits', options=asked)
  decoder = experiment.load('runs/vqvae_digits')
  with np.load(written['samples.npz']) as codes, np.load(written['decoded.npz']) as decoded:
    assert codes['x'].shape == (6, 4, 4) and (codes['levels'], codes['kind']) == (8, 'tokens')
    assert decoded['x'].shape == (6, 8, 8, 1) and (decoded['levels'], decoded['kind']) == (17, 'image')
    assert (decoded['label'] == 3).all()
    params, extra = decoder.weights()['averaged']
    images = decoder.model.decode(params, extra, codes['x'].astype(np.int32))
    np.testing.assert_array_equal(decoded['x'], images)
