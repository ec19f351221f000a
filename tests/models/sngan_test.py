import math

import jax
import pytest
from flax import linen as nn

from configs import sagan_cifar, sngan_cifar
from jaxgen import fields
from jaxgen.errors import UserError
from jaxgen.models.gan import sagan, sngan
from jaxgen.nn.resampling import DownBlock, UpBlock
from jaxgen.nn.self_attention import SelfAttention
from jaxgen.types import Field

MODELS = {'sngan': (sngan, sngan_cifar), 'sagan': (sagan, sagan_cifar)}


def built(name, side, given=(), preset='smoke', **model):
  """The model, and a batch of two."""
  module, file = MODELS[name]
  config = file.get_config(preset)
  spec = {'x': Field('image', (side, side, 3), 256), 'label': Field('label', (), 10)}
  config.data.fields = fields.to_dict(spec)
  config.given = given
  config.model.update(model)
  return module.build(config), fields.blank(spec, 2)


def initial(name, side, **settings):
  """`(params, extra)` as shapes, and `(side, channels)` of what each block makes, by its class."""
  model, batch = built(name, side, **settings)
  seen = {kind: [] for kind in (UpBlock, DownBlock, SelfAttention)}

  def look(method, args, kwargs, context):
    out = method(*args, **kwargs)
    if type(context.module) in seen and context.method_name == '__call__':
      seen[type(context.module)].append((out.shape[1], out.shape[-1]))
    return out

  with nn.intercept_methods(look):
    params, extra = jax.eval_shape(lambda: model.init(jax.random.key(0), batch))
  return params, extra, seen


def count(params):
  return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))


def test_at_32x32_it_is_the_published_table_layer_by_layer():
  """Miyato et al. 2018, table 4, whose numbers of parameters follow from it (batch statistics and the vectors of power
  iterations are none)."""
  params, _, _ = initial('sngan', 32, preset='')

  def conv(size, old, new):
    return size * size * old * new + new

  up = conv(3, 256, 256) + conv(3, 256, 256) + conv(1, 256, 256) + 2 * (2 * 256)
  generator = 128 * 16 * 256 + 16 * 256 + 3 * up + 2 * 256 + conv(3, 256, 3)
  keep = 2 * conv(3, 128, 128)
  of_image = conv(3, 3, 128) + conv(3, 128, 128) + conv(1, 3, 128)
  discriminator = of_image + (keep + conv(1, 128, 128)) + keep + keep + 128 + 1
  assert (count(params['generator']), count(params['discriminator'])) == (generator, discriminator)
  assert (generator, discriminator) == (4_276_739, 1_053_825)


TABLES = {  # of growing widths from 64, where blocks grow to, and halve to
  48: (
    [(12, 256), (24, 128), (48, 64)],
    [(24, 64), (12, 128), (6, 256), (3, 512), (3, 1024)],
  ),
  128: (
    [(8, 1024), (16, 512), (32, 256), (64, 128), (128, 64)],
    [(64, 64), (32, 128), (16, 256), (8, 512), (4, 1024), (4, 1024)],
  ),
  45: ([(12, 256), (23, 128), (45, 64)], [(23, 64), (12, 128), (6, 256), (3, 512), (3, 1024)]),
  8: ([(8, 64)], [(4, 64), (2, 128), (2, 256)]),
}


@pytest.mark.parametrize('side', TABLES)
def test_growing_widths_are_the_published_tables_for_48_and_128(side):
  widths = dict(generator_width=64, discriminator_width=64)
  grown, halved = TABLES[side]
  for name in MODELS:
    _, _, seen = initial(
      name, side, **widths, **(dict(growing=True) if name == 'sngan' else dict(attention=0))
    )
    assert (seen[UpBlock], seen[DownBlock]) == (grown, halved)


@pytest.mark.parametrize(('side', 'grown', 'halved'), [(28, [14, 28], [14, 7, 7, 7]), (8, [8], [4, 2, 2, 2])])
def test_one_width_for_small_images(side, grown, halved):
  _, _, seen = initial('sngan', side)
  assert seen[UpBlock] == [(size, 8) for size in grown]
  assert seen[DownBlock] == [(size, 8) for size in halved]


def test_a_label_gives_each_norm_a_gain_and_a_bias_per_class_and_the_discriminator_a_projection():
  without, with_label = (initial('sngan', 32, given=given)[0] for given in ((), ('label',)))
  more = {player: count(with_label[player]) - count(without[player]) for player in without}
  # six norms of 8 channels, ten classes in place of one; a vector of features per class
  assert more == {'generator': 6 * 2 * 8 * 9, 'discriminator': 10 * 8}


def test_sagan_sees_all_places_at_one_side_and_normalizes_both_networks():
  params, extra, seen = initial('sagan', 32, given=('label',), attention=16)
  assert seen[SelfAttention] == [(16, 8), (16, 4)]

  def kernels(tree):
    return sum('kernel' in str(path) for path, _ in jax.tree_util.tree_leaves_with_path(tree))

  assert len(jax.tree.leaves(extra['discriminator']['spectral'])) == kernels(params['discriminator'])
  maps = 2 * 6  # from labels to gains and biases, which have none
  assert len(jax.tree.leaves(extra['generator']['spectral'])) == kernels(params['generator']) - maps


@pytest.mark.parametrize(
  ('name', 'side', 'changes', 'sentence'),
  [
    ('sngan', 7, {}, 'halves square images of 8 to 255 pixels a side'),
    ('sngan', 256, {}, 'and cannot halve'),
    ('sagan', 32, dict(attention=12), 'set it to one of these, 8, 16, or to 0'),
  ],
)
def test_what_the_networks_cannot_do_is_refused_when_they_are_built(name, side, changes, sentence):
  with pytest.raises(UserError, match=sentence):
    built(name, side, **changes)
