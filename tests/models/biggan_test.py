import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from configs import biggan_cifar, biggan_deep_cifar
from jaxgen import fields
from jaxgen.errors import UserError
from jaxgen.models.gan import biggan, biggan_deep
from jaxgen.nn.resampling import Common, DeepDownBlock, DeepUpBlock, DownBlock, UpBlock
from jaxgen.nn.self_attention import SelfAttention
from jaxgen.types import Field

MODELS = {'biggan': (biggan, biggan_cifar), 'biggan_deep': (biggan_deep, biggan_deep_cifar)}
both = pytest.mark.parametrize('name', MODELS)
UP, DOWN = (UpBlock, DeepUpBlock), (DownBlock, DeepDownBlock)


def built(name, side, channels=1, given=('label',), classes=10, preset='smoke', **model):
  """The model, and a batch of two."""
  module, file = MODELS[name]
  config = file.get_config(preset)
  spec = {'x': Field('image', (side, side, channels), 256), 'label': Field('label', (), classes)}
  config.data.fields = fields.to_dict(spec)
  config.given = given
  usual = dict(attention=0, blocks_per_resolution=module.KEYS['blocks_per_resolution'].default)
  config.model.update(usual | model)
  return module.build(config), fields.blank(spec, 2)


def initial(name, side, **settings):
  """What `init` gives, as shapes, and `(side, channels)` of what each block and attention makes, by its class."""
  model, batch = built(name, side, **settings)
  seen = {kind: [] for kind in (*UP, *DOWN, SelfAttention)}

  def look(method, args, kwargs, context):
    out = method(*args, **kwargs)
    if type(context.module) in seen and context.method_name == '__call__':
      seen[type(context.module)].append((out.shape[1], out.shape[-1]))
    return out

  with nn.intercept_methods(look):
    params, extra = jax.eval_shape(lambda: model.init(jax.random.key(0), batch))
  return params, extra, seen


def counts(name, side, **settings):
  """The numbers of parameters of generator and discriminator for 1,000 classes, with the published widths; batch
  statistics and the vectors of power iterations are none."""
  width, blocks = (MODELS[name][0].KEYS[key].default for key in ('width', 'blocks_per_resolution'))
  settings = dict(width=width, blocks_per_resolution=blocks, attention=64, preset='') | settings
  params, _, _ = initial(name, side, channels=3, classes=1000, **settings)
  sizes = {
    player: sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params[player])) for player in params
  }
  return sizes['generator'], sizes['discriminator']


def test_biggan_has_the_published_number_of_parameters():
  """Of 128x128 Brock et al. 2019 say 158.3 million of both (table 1), without the shared embedding; each number
  is asserted by `resnet_biggan_test.py` of google/compare_gan. Of 256x256 the generator of the released PyTorch code,
  with z of 7 x 17, has 82,108,548, and ch = 96 gives the discriminator 99.2 million."""
  generator, discriminator = counts('biggan', 128, latent_dim=120)
  assert (generator, discriminator) == (70_433_988, 87_982_370)
  assert generator + discriminator - 1000 * 128 == 158_288_358
  assert counts('biggan', 256, latent_dim=119) == (82_108_548, 99_225_890)


def test_biggan_deep_has_the_published_number_of_parameters():
  """Of 128x128 by `resnet_biggan_deep_test.py` of google/compare_gan. Of the generators that DeepMind released,
  huggingface/pytorch-pretrained-BigGAN says 50.4 and 55.9 million; their last layer has 128 channels, of which three
  are looked at. Of the discriminator of 256x256 nothing is published: by the paper's tables 7 and 8 it has two blocks
  of 8 ch more, and attends at 64x64 to twice the channels."""
  small, discriminator = counts('biggan_deep', 128, latent_dim=128)
  large, larger_discriminator = counts('biggan_deep', 256, latent_dim=128)
  assert (small, discriminator) == (50_244_484, 34_590_210)
  width, hidden = 8 * 128, 8 * 128 // 4
  block = width * hidden + hidden + 2 * (9 * hidden**2 + hidden) + hidden * width + width
  attention = [2 * channels**2 // 8 + 2 * channels**2 // 2 for channels in (2 * 128, 4 * 128)]
  assert larger_discriminator - discriminator == 2 * block + attention[1] - attention[0]
  not_looked_at = (128 - 3) * (9 * 128 + 1)
  assert [round((size + not_looked_at) / 1e6, 1) for size in (small, large)] == [50.4, 55.9]


# The sides that are grown to, channels / ch there; the sides that are halved to, channels / ch from the image on.
CHAINS = {
  8: ([8], [16], [4, 2, 1], [4, 8, 16, 16]),
  28: ([14, 28], [16, 8], [14, 7, 4, 2], [2, 4, 8, 16, 16]),
  32: ([8, 16, 32], [16, 8, 4], [16, 8, 4, 2, 1], [1, 2, 4, 8, 16, 16]),
  45: ([12, 23, 45], [16, 8, 4], [23, 12, 6, 3, 2], [1, 2, 4, 8, 16, 16]),
  128: ([8, 16, 32, 64, 128], [16, 8, 4, 2, 1], [64, 32, 16, 8, 4], [1, 2, 4, 8, 16, 16]),
  256: ([8, 16, 32, 64, 128, 256], [16, 8, 8, 4, 2, 1], [128, 64, 32, 16, 8, 4], [1, 2, 4, 8, 8, 16, 16]),
  512: (
    [8, 16, 32, 64, 128, 256, 512],
    [16, 8, 8, 4, 2, 1, 1],
    [256, 128, 64, 32, 16, 8, 4],
    [1, 1, 2, 4, 8, 8, 16, 16],
  ),
}


@pytest.mark.parametrize('side', CHAINS)
def test_the_chain_of_channels_ends_early(side):
  grown, growing, halved, halving = CHAINS[side]
  _, _, seen = initial('biggan', side, width=2)
  assert seen[UpBlock] == [(size, 2 * multiple) for size, multiple in zip(grown, growing, strict=True)]
  sides = [*halved, halved[-1]]  # the last block keeps
  assert seen[DownBlock] == [(size, 2 * multiple) for size, multiple in zip(sides, halving, strict=True)]


@pytest.mark.parametrize('side', [8, 45, 256])
def test_the_deep_chain_is_the_same_with_two_blocks_at_each_side(side):
  grown, growing, halved, halving = CHAINS[side]
  _, _, seen = initial('biggan_deep', side, width=2)
  assert seen[DeepUpBlock][1::2] == [
    (size, 2 * multiple) for size, multiple in zip(grown, growing, strict=True)
  ]
  pairs = [(size, 2 * multiple) for size, multiple in zip(halved, halving[1:], strict=True)]
  assert seen[DeepDownBlock] == [pair for pair in pairs for _ in range(2)]


@pytest.mark.parametrize(
  ('changes', 'num'),
  [
    (dict(blocks_per_resolution=3), 3),
    (dict(blocks_per_resolution=6), 6),
    (dict(latent_dim=512, slope=0.2), None),
  ],
  ids=str,
)
@both
def test_ablations_are_config_overrides(name, changes, num):
  _, _, seen = initial(name, 32, attention=16, **changes)
  assert seen[SelfAttention] == [(16, 8), (16, 1 if name == 'biggan' else 2)]
  kinds, usual = ((UpBlock, DownBlock), 1) if name == 'biggan' else ((DeepUpBlock, DeepDownBlock), 2)
  last = int(name == 'biggan')  # keeps
  assert [len(seen[kind]) for kind in kinds] == [3 * (num or usual), 5 * (num or usual) + last]


def drawn(module, *inputs):
  """Its variables, each at random, without compiling how they begin."""
  shapes = jax.eval_shape(lambda: module.init(jax.random.key(0), *inputs, False))
  draw = np.random.default_rng(0)
  variables = jax.tree.map(lambda leaf: jnp.float32(0.3 * draw.standard_normal(leaf.shape)), shapes)
  return {**variables, 'batch_stats': jax.tree.map(jnp.abs, variables.get('batch_stats', {}))}


@both
def test_every_part_of_z_and_the_label_reach_the_image_and_the_label_what_is_said_of_it(name):
  init = nn.initializers.orthogonal()
  common, deep = Common(True, init, 0.2, init, True), name == 'biggan_deep'
  blocks = dict(up=DeepUpBlock, spread=biggan_deep.whole) if deep else {}
  generator = biggan.Generator((8, 8, 1), 1, 1, 0, 4, common, **blocks)
  discriminator = biggan.Discriminator((biggan_deep if deep else biggan).Trunk(1, 1, 0, common))
  z, x = (jax.random.normal(jax.random.key(1), shape) for shape in ((2, 6), (2, 8, 8, 1)))
  labels = {'label': jax.nn.one_hot(jnp.arange(2), 10)}
  ours, theirs = drawn(generator, z, labels), drawn(discriminator, x, labels)

  @jax.jit
  def slopes(z, labels):
    def image(z, labels):
      return (generator.apply(ours, z, labels, False) * x).sum()

    def opinion(labels):
      return discriminator.apply(theirs, x, labels, False).sum()

    return *jax.grad(image, argnums=(0, 1))(z, labels), jax.grad(opinion)(labels)

  assert all(bool((slope != 0).all()) for slope in jax.tree.leaves(slopes(z, labels)))


@pytest.mark.parametrize(
  ('side', 'changes', 'sentence'),
  [
    (4, {}, 'halves square images of 8 to 1023 pixels a side'),
    (1024, {}, 'and cannot halve'),
    (45, dict(attention=22), 'both networks have; set it to one of these, 12, 23, or to 0'),
    (32, dict(attention=4), 'set it to one of these, 8, 16, or to 0'),
    (32, dict(attention=32), 'set it to one of these, 8, 16, or to 0'),
  ],
)
@both
def test_what_the_networks_cannot_do_is_refused_when_they_are_built(name, side, changes, sentence):
  with pytest.raises(UserError, match=sentence):
    built(name, side, **changes)


def test_a_latent_of_fewer_numbers_than_parts_is_refused_where_it_is_divided():
  with pytest.raises(UserError, match='latent_dim=3 does not give a part of z to each of 4 sides'):
    built('biggan', 32, latent_dim=3)
  built('biggan_deep', 32, latent_dim=3)
