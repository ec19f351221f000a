"""Networks in bfloat16, and blocks that are computed twice: what changes, and what must not."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import beginning, computing, data, experiment, fields, parallel
from jaxgen.models.autoregressive import pixelcnn
from jaxgen.nn import Dense, UpsampledConv
from jaxgen.nn.masked_conv import MaskedConv
from jaxgen.nn.sequence import TiedEmbedding
from jaxgen.nn.spectral_norm import SpectralConv, SpectralDense
from jaxgen.types import GenerativeModel
from tests.contracts.configs import load_module, one_per_family, prepared

QUICK = [name for name in one_per_family() if 'toy' in name]


def built(name, home, **changes):
  config = data.resolve(prepared(name, home))
  config.update(changes)
  return config, experiment.build_model(config)


def some_steps(config, model, num=20):
  """The state and the metrics of the first steps, one by one, all of the first batch."""
  source = data.load(config.data, 'train')
  batch = beginning.first_batch(source, config)
  step = parallel.data_parallel(model.update.apply, 'jit')
  state = beginning.first_state(model, config, batch)
  metrics = []
  for _ in range(num):
    state, found = step(state, jax.tree.map(lambda leaf: leaf[None], batch), None)
    metrics.append(
      {name: float(value.total[0] / value.count[0]) for name, value in found.items() if value.count[0]}
    )
  return state, metrics


def types(tree):
  return jax.tree.map(lambda leaf: leaf.dtype, tree)


@pytest.mark.parametrize(
  'name', [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in one_per_family()]
)
def test_training_in_bfloat16_is_near_that_in_float32(name, tmp_path):
  config, model = built(name, tmp_path)
  state, metrics = some_steps(config, model, 1)
  config, low = built(name, tmp_path, dtype='bfloat16')
  low_state, low_metrics = some_steps(config, low)
  assert types(low_state) == types(state)  # parameters, averages, moments and statistics
  assert low_metrics[0]['loss'] == pytest.approx(metrics[0]['loss'], rel=0.05, abs=0.05)
  assert all(np.isfinite(list(each.values())).all() for each in low_metrics)
  assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves((low_state.params, low_state.extra)))


GAMES = ('gan_digits', 'sngan_mnist', 'biggan_digits', 'stylegan_digits')
CURVES = ('discriminator_loss', 'generator_loss', 'real_logit', 'variety')
NEAR = 0.02  # of losses, logits and a ratio, each of the order of 1; 0.008 was the most
STEPS = 10  # of which the means are compared: later on a game makes much of every rounding


def curves(name, **changes):
  """Those of a game's first steps, f64[4, STEPS]."""
  config = load_module(name).get_config('smoke')
  config.data.name = 'digits'
  config.update(dict(batch_size=32, num_steps=40, **changes))
  config = data.resolve(config)
  _, rows = some_steps(config, experiment.build_model(config), STEPS)
  return np.array([[row[curve] for row in rows] for curve in CURVES])


@pytest.mark.slow
@pytest.mark.parametrize('name', GAMES)
def test_a_game_in_bfloat16_has_the_curves_of_float32(name):
  usual, low = curves(name), curves(name, dtype='bfloat16')
  np.testing.assert_allclose(low.mean(1), usual.mean(1), rtol=0, atol=NEAR)
  # one that stood still would not be as near
  assert abs(usual.mean(1) - usual[:, 0]).max() > 1.5 * NEAR


@pytest.mark.parametrize(
  'layer',
  [
    nn.Dense(4),
    Dense(4),
    nn.Conv(4, (3, 3)),
    nn.LayerNorm(),
    UpsampledConv(4),
    MaskedConv(4, (3, 3), 'B'),
    SpectralConv(4),
    SpectralDense(4),
  ],
)
def test_layers_compute_in_the_type_of_the_model_with_float32_parameters(layer):
  x = jnp.ones((2, 4, 4, 3))
  switch = (True,) if isinstance(layer, (SpectralConv, SpectralDense)) else ()
  variables = layer.init(jax.random.key(0), x, *switch)
  low = in_bfloat16(lambda x: layer.apply(variables, x, *switch))
  assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype('float32')}
  assert (low(x).dtype, layer.apply(variables, x, *switch).dtype) == (jnp.bfloat16, jnp.float32)
  assert (
    in_bfloat16(computing.in_float32(lambda x: layer.apply(variables, x, *switch)))(x).dtype == jnp.float32
  )


def test_a_layer_that_says_its_own_type_has_it():
  layer = nn.Dense(4, dtype=jnp.float16)
  variables = layer.init(jax.random.key(0), jnp.ones((2, 3)))
  assert in_bfloat16(lambda x: layer.apply(variables, x))(jnp.ones((2, 3))).dtype == jnp.float16


def test_a_tied_table_multiplies_in_the_type_of_the_model():
  layer, h = TiedEmbedding(7, 4), jnp.ones((2, 3, 4))
  params = layer.init(jax.random.key(0), jnp.zeros((2, 3), jnp.int32), method='before')

  def types_of_products(function):
    traced = jax.make_jaxpr(function)(h)
    return [str(eqn.outvars[0].aval.dtype) for eqn in traced.eqns if eqn.primitive.name == 'dot_general']

  def logits(h):
    return layer.apply(params, h, method='logits')

  assert types_of_products(in_bfloat16(logits)) == ['bfloat16'] and types_of_products(logits) == ['float32']
  table = params['params']['table']['embedding']
  np.testing.assert_allclose(logits(h)[0, 0], table[:7].sum(-1), rtol=1e-6)


def in_bfloat16(function):
  model = GenerativeModel(None, experiment.updates.ema(0.5), function, None, '')
  return computing.computed(model, 'bfloat16', False).evaluate


def test_what_a_flow_measures_and_inverts_is_float32(tmp_path):
  config, low = built('realnvp_toy', tmp_path, dtype='bfloat16')
  state, _ = some_steps(config, low, 3)
  _, model = built('realnvp_toy', tmp_path)
  batch = data.load(config.data, 'test').examples(np.arange(16))
  terms, usual = (
    jax.jit(each.evaluate)(state.params, state.extra, jax.random.key(0), batch) for each in (low, model)
  )
  np.testing.assert_allclose(terms['bits_per_dim'], usual['bits_per_dim'], rtol=1e-6)
  assert float(terms['inversion_error'].max()) < 1e-4


WITHOUT_NETWORKS = ('planar_toy', 'radial_toy')


def test_a_step_in_bfloat16_multiplies_in_bfloat16(tmp_path):
  """Each config's step, traced: most of its products are of bfloat16. A flow without networks has none."""
  for name in QUICK:
    config, model = built(name, tmp_path, dtype='bfloat16')
    batches = fields.blank(fields.of(config), 1, beginning.step_size(config))
    lowered = parallel.data_parallel(model.update.apply, 'jit').lower(
      beginning.first_shapes(model, config), batches, None
    )
    products = [
      line for line in lowered.as_text().splitlines() if 'dot_general' in line or 'convolution(' in line
    ]
    assert products or name in WITHOUT_NETWORKS, name
    assert sum('bf16' in line for line in products) >= (len(products) + 1) // 2, name


@pytest.mark.parametrize('name', ['realnvp_toy', pytest.param('ncsn_digits', marks=pytest.mark.slow)])
def test_what_is_computed_twice_is_the_same(name, tmp_path):
  sgd = {'name': 'sgd'}  # Adam's first steps are as long for a gradient that is rounding as for any
  config, model = built(name, tmp_path, optimizer=sgd)
  state, metrics = some_steps(config, model, 3)
  config, twice = built(name, tmp_path, remat=True, optimizer=sgd)
  other, again = some_steps(config, twice, 3)
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), state.params, other.params
  )
  assert [row['loss'] for row in again] == pytest.approx([row['loss'] for row in metrics], rel=1e-4)


def temporaries(config, model):
  batches = fields.blank(fields.of(config), 1, beginning.step_size(config))
  shapes = beginning.first_shapes(model, config)
  compiled = parallel.data_parallel(model.update.apply, 'jit').compile(shapes, batches, None)
  return compiled.memory_analysis().temp_size_in_bytes


def test_a_deep_flow_keeps_less_of_its_steps(tmp_path):
  config, model = built('realnvp_toy', tmp_path, batch_size=1024)
  config.model.update(dict(depth=16, width=64, num_layers=2))
  found = {}
  for remat in (False, True):
    config.remat = remat
    found[remat] = temporaries(config, experiment.build_model(config))
  assert found[True] < found[False] / 2


def test_blocks_draw_the_same_dropout_when_they_are_computed_again():
  network = pixelcnn.PixelCNN(channels=1, levels=3, width=4, num_layers=2, first_kernel=3, dropout=0.5)
  x = jnp.zeros((2, 4, 4, 1), jnp.int32)
  variables = jax.jit(network.init)(jax.random.key(0), x)

  def total(params):
    logits = network.apply({'params': params}, x, train=True, rngs={'dropout': jax.random.key(1)})
    return (logits**2).sum()

  usual = jax.jit(jax.grad(total))(variables['params'])
  model = GenerativeModel(None, experiment.updates.ema(0.5), jax.grad(total), None, '')
  twice = jax.jit(computing.computed(model, 'float32', True).evaluate)(variables['params'])
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), usual, twice)
