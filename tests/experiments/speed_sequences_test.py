"""The twins of models of sequences in PyTorch, where that is installed: they compute what jaxgen's networks compute."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.speed.cases import CASES, settings
from experiments.speed.sequences import report
from jaxgen import experiment

torch = pytest.importorskip('torch', reason="needs pip install -e '.[bench]'")

TOKENS = np.array([[3, 1, 4, 1, 5, 6], [2, 6, 5, 3, 5, 0]])


def test_a_cost_that_grows_in_part_shows_in_the_slope_of_the_last_doubling():
  seconds = {'256': 1.0, '1024': 4.0, '512': 2.0, '2048': 16.0}
  assert report.last_slope(seconds) == pytest.approx(2) and report.slope(seconds) < 1.5
  row = {'seconds': seconds, 'num': 8, 'versions': {'jax': '0'}, 'machine': 'one'}
  assert '**1.30** | 2.00 |' in report._length({'all': row})


def shaken(network, *args):
  """Random weights, far from the beginning, so that every part of the network shows."""
  params = jax.jit(lambda rng: network.init(rng, *args, {}, False))(jax.random.key(0))['params']
  leaves, structure = jax.tree.flatten(params)
  noise = np.random.default_rng(0)
  return structure.unflatten([jnp.float32(noise.normal(0, 0.3, leaf.shape)) for leaf in leaves])


def put(parameter, values):
  """Sets a parameter in PyTorch."""
  with torch.no_grad():
    parameter.copy_(torch.from_numpy(np.array(values)))


def fill_dense(layer, params):
  """A linear layer, or a convolution over one pixel."""
  kernel = np.array(params['kernel']).T
  put(layer.weight, kernel.reshape(layer.weight.shape))
  if layer.bias is not None:
    put(layer.bias, params['bias'])


def compared(network, theirs, params):
  """Whole sequences, and one token after the other."""
  x = jnp.array(TOKENS)
  assert sum(leaf.size for leaf in jax.tree.leaves(params)) == sum(
    parameter.numel() for parameter in theirs[0].parameters() if parameter.requires_grad
  )
  ours = jax.jit(network.apply, static_argnums=3)({'params': params}, x, {}, False)
  whole, one_by_one = theirs
  with torch.inference_mode():
    np.testing.assert_allclose(whole(torch.from_numpy(TOKENS)).numpy(), ours, atol=2e-4)
    kept, before = one_by_one.start(2), torch.full((2,), 7)
    for index in torch.arange(6):
      logits, kept = one_by_one(before, index, kept)
      np.testing.assert_allclose(logits.numpy(), ours[:, int(index)], atol=2e-4)
      before = torch.from_numpy(TOKENS[:, int(index)])


def test_the_recurrent_network_gives_the_same_logits_by_the_same_weights():
  from experiments.speed.twins import rnnlm as twin
  from jaxgen.models.autoregressive.rnnlm import RNNLM

  network, theirs = RNNLM(7, 'lstm', 8, 2), twin.RNNLM(7, 8, 2, 0.0).eval()
  params = shaken(network, jnp.array(TOKENS))
  put(theirs.embedding.table.weight, params['embedding']['table']['embedding'])
  put(theirs.embedding.bias, params['embedding']['bias'])
  for layer in range(2):
    cell = params[f'cells_{layer}']
    for name, ours in (('ih', 'i'), ('hh', 'h')):
      weight = np.concatenate([np.array(cell[ours + gate]['kernel']).T for gate in 'ifgo'])
      put(getattr(theirs.cells, f'weight_{name}_l{layer}'), weight)
    bias = np.concatenate([cell[f'h{gate}']['bias'] for gate in 'ifgo'])
    put(getattr(theirs.cells, f'bias_ih_l{layer}'), bias)
  compared(network, (theirs, twin.OneByOne(theirs)), params)


def test_the_transformer_gives_the_same_logits_by_the_same_weights():
  from experiments.speed.twins import transformer as twin
  from jaxgen.models.autoregressive.transformer import Transformer

  network, theirs = Transformer(6, 7, 8, 2, 2), twin.Transformer(7, 8, 2, 2, 0.0).eval()
  params = shaken(network, jnp.array(TOKENS))
  named = jax.tree_util.tree_leaves_with_path(params)
  twin.fill(theirs, {'/'.join(part.key for part in place): np.array(leaf) for place, leaf in named})
  compared(network, (theirs, twin.OneByOne(theirs, 6)), params)
  with torch.inference_mode():
    x = torch.from_numpy(np.pad(TOKENS[:, :-1], ((0, 0), (1, 0)), constant_values=7))
    np.testing.assert_allclose(theirs.following(x), theirs(torch.from_numpy(TOKENS))[:, -1], atol=1e-5)


def fill_conv(layer, params):
  kernel = np.array(params['kernel'])
  if isinstance(layer, torch.nn.ConvTranspose2d):
    put(layer.weight, kernel[::-1, ::-1].transpose(2, 3, 0, 1))
  else:
    put(layer.weight, kernel.transpose(3, 2, 0, 1))
  put(layer.bias, params['bias'])


def fill_residual(layer, params):
  fill_conv(layer.conv, params['TwoRowConv_0']['Conv_0'])
  fill_conv(layer.conv_out, params['TwoRowConv_1']['Conv_0'])
  if layer.link is not None:
    fill_dense(layer.link, params['Dense_0'])


def test_pixelcnnpp_gives_the_same_likelihood_by_the_same_weights_of_an_image_and_of_its_blocks():
  from experiments.speed.twins import pixelcnnpp as twin
  from jaxgen.families.logistic_mixtures import logistic_mixture
  from jaxgen.models.autoregressive.pixelcnnpp import PixelCNNpp

  model = dict(width=4, num_layers=1, num_sizes=2, components=2, dropout=0.0)
  network, theirs = PixelCNNpp(channels=3, levels=16, **model), twin.PixelCNNpp(3, model).eval()
  x = jax.random.randint(jax.random.key(0), (2, 4, 6, 3), 0, 16)
  params = shaken(network, x)
  assert sum(leaf.size for leaf in jax.tree.leaves(params)) == sum(p.numel() for p in theirs.parameters())
  for name in ('above_first', 'row_first', 'left_first'):
    fill_conv(getattr(theirs, name), params[name])
  for way, levels in (('down', theirs.down), ('up', theirs.up)):
    for size, level in enumerate(levels):
      for index, pair in enumerate(level):
        for stream, layer in zip(('above', 'left'), pair, strict=True):
          fill_residual(layer, params[f'{stream}_{way}_{size}_{index}'])
  for stream, halve, double in zip(('above', 'left'), theirs.halves[0], theirs.doubles[0], strict=True):
    fill_conv(halve, params[f'{stream}_halves_0']['Conv_0'])
    fill_conv(double, params[f'{stream}_doubles_0'])
  fill_dense(theirs.head, params['head'])

  @jax.jit
  def ours(params, x):
    variables = {'params': params}
    outputs, _ = network.apply(variables, x, None, method='pixels')
    return outputs, logistic_mixture(16, 2).nll(network.apply(variables, x), x)

  outputs, nll = ours(params, x)
  image = torch.from_numpy(np.array(x)).permute(0, 3, 1, 2)
  scaled = image.float() * (2 / 15) - 1
  with torch.inference_mode():
    found, _ = theirs(scaled)
    np.testing.assert_allclose(found.permute(0, 2, 3, 1), outputs, atol=2e-3)
    np.testing.assert_allclose(twin.nll(theirs, found, image, 16), nll, rtol=1e-4)
    upper, above = theirs(scaled[:, :, :2])
    lower, _ = theirs(scaled[:, :, 2:], above)
    np.testing.assert_allclose(torch.cat([upper, lower], 2), found, atol=1e-4)


@pytest.mark.parametrize(
  ('case', 'twin', 'x', 'shape'),
  [
    ('rnnlm_text', 'rnnlm', torch.zeros(2, 128, dtype=torch.uint8), (2, 128)),
    ('transformer_text', 'transformer', torch.zeros(2, 64, dtype=torch.int32), (2, 64)),
    ('pixelcnnpp_32x32', 'pixelcnnpp', torch.zeros(2, 3, 8, 8, dtype=torch.uint8), (2, 3, 8, 8)),
  ],
)
def test_they_take_steps_and_draw_samples_with_as_many_parameters(case, twin, x, shape):
  import importlib

  config = settings(CASES[case])
  params, _ = jax.eval_shape(experiment.build_model(config).init, jax.random.key(0), {})
  if twin == 'pixelcnnpp':  # whose samples cost an image each
    config.data.fields.x.shape = (8, 8, 3)
  made = importlib.import_module(f'experiments.speed.twins.{twin}').build(
    config.to_dict(), torch.contiguous_format
  )
  assert sum(p.numel() for p in made.parameters) == sum(leaf.size for leaf in jax.tree.leaves(params))
  before = [p.clone() for p in made.parameters]
  for _ in range(2):  # the rate of the first step may be 0
    made.step(x)
  assert any((a != b).any() for a, b in zip(before, made.parameters, strict=True))
  with torch.inference_mode():
    drawn = made.sample(2)
  assert tuple(drawn.shape) == shape and int(drawn.max()) < CASES[case].levels
