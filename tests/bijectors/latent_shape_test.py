"""What a flow makes of shapes is known, and what it cannot invert is refused, before there is an array."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.bijectors import (
  ActNorm,
  Chain,
  Coupling,
  Inverse,
  InvertibleConv,
  MultiScale,
  Permutation,
  Repeated,
  Squeeze,
  masks,
  transforms,
)


def coupling(mask):
  return Coupling(lambda kept: kept, transforms.additive(), mask)


def glow(levels):
  step = lambda: Chain((ActNorm(), InvertibleConv(), coupling(masks.halves())))  # noqa: E731
  return MultiScale([Chain((Squeeze(), Repeated(step(), 2))) for _ in range(levels)])


SQUARE = np.array([[True, False], [False, True]])[..., None]
# name: (bijector, the shape of an example, the sentence)
REFUSED = {
  'squeeze_of_an_odd_side': (
    Chain((ActNorm(), Squeeze())),
    (7, 8, 1),
    'bijectors[1] (Squeeze): 2 does not divide the height and width of an image of shape (7, 8, 1).',
  ),
  'squeeze_of_a_vector': (
    Squeeze(),
    (4,),
    'it takes images of shape (height, width, channels), not arrays of shape (4,).',
  ),
  'halved_too_often': (
    glow(3),
    (4, 4, 1),
    'levels[2] (Chain): bijectors[0] (Squeeze): 2 does not divide the height and width of an image of '
    'shape (1, 1, 4).',
  ),
  'odd_channels_leave': (
    MultiScale((ActNorm(), ActNorm())),
    (4, 4, 3),
    'levels[0] (ActNorm): it returns shape (4, 4, 3), whose channels cannot be split into two halves: it must be '
    'one array with an even number of them.',
  ),
  'several_latents_within_a_level': (
    MultiScale((glow(2), ActNorm())),
    (4, 4, 1),
    'levels[0] (MultiScale): it returns shape ((2, 2, 2), (1, 1, 8)), whose channels cannot be split into two halves: '
    'it must be one array with an even number of them.',
  ),
  'one_channel_to_couple': (
    Chain((coupling(masks.halves()),)),
    (8, 8, 1),
    'bijectors[0] (Coupling): a coupling needs at least 2 channels to split, not shape (8, 8, 1).',
  ),
  'checkerboard_of_another_size': (
    Chain((Squeeze(), coupling(masks.checkerboard(8, 8)))),
    (8, 8, 1),
    'bijectors[1] (Coupling): a mask of shape (8, 8, 1) does not fit an example of shape (4, 4, 4).',
  ),
  'mask_of_more_axes': (
    coupling(masks.binary(SQUARE)),
    (2,),
    'a mask of shape (2, 2, 1) does not fit an example of shape (2,).',
  ),
  'mask_that_would_enlarge': (
    coupling(masks.binary(SQUARE)),
    (1, 1, 3),
    'a mask of shape (2, 2, 1) does not fit an example of shape (1, 1, 3).',
  ),
  'permutation_of_other_channels': (
    Repeated(Permutation((1, 0)), 2),
    (3,),
    'bijector (Permutation): a permutation of 2 channels does not fit an example of shape (3,).',
  ),
  'repeated_squeeze': (
    Repeated(Squeeze(), 2),
    (8, 8, 1),
    'bijector (Squeeze): it makes (4, 4, 4) of shape (8, 8, 1), and what is repeated must return the shape '
    'that it receives.',
  ),
  'squeeze_read_backwards': (
    Inverse(Squeeze()),
    (4, 4, 3),
    'bijector (Squeeze): 4 does not divide the channels of an array of shape (4, 4, 3).',
  ),
  'a_layer_behind_several_latents': (
    Chain((glow(2), ActNorm())),
    (4, 4, 1),
    'bijectors[1] (ActNorm): it takes one array, not 2 of shapes ((2, 2, 2), (1, 1, 8)).',
  ),
  'latents_of_another_number_of_levels': (
    Inverse(glow(2)),
    ((2, 2, 2),),
    'bijector (MultiScale): 2 levels have as many latents, not those of shapes ((2, 2, 2),).',
  ),
  'latents_that_do_not_fit': (
    Inverse(glow(2)),
    ((2, 2, 4), (1, 1, 8)),
    'bijector (MultiScale): levels[0] (Chain): latents of shape (2, 2, 4) leave it, and (2, 2, 2) stays: they '
    'must be of one shape.',
  ),
  'a_single_number': (
    ActNorm(),
    (),
    'it takes arrays of at least one axis beside that of the batch, not single numbers.',
  ),
}


@pytest.mark.parametrize('name', REFUSED)
def test_what_cannot_be_inverted_is_refused_with_the_layer_and_the_shape(name):
  bijector, shape, sentence = REFUSED[name]
  with pytest.raises(ValueError) as refused:
    bijector.latent_shape(shape)
  assert str(refused.value) == sentence


SHAPES = {
  'glow': (glow(2), (8, 4, 3), ((4, 2, 6), (2, 1, 24))),
  'chain_of_squeezes': (Chain((Squeeze(), Squeeze())), (8, 4, 1), (2, 1, 16)),
  'inverse': (Inverse(Squeeze(3)), (2, 1, 9), (6, 3, 1)),
  'chain_of_none': (Chain(()), (5,), (5,)),
  'a_mask_that_broadcasts': (coupling(masks.checkerboard(2, 3)), (2, 3, 5), (2, 3, 5)),
}


@pytest.mark.parametrize('name', SHAPES)
def test_shapes_are_those_of_the_arrays_and_lead_back(name):
  bijector, shape, latents = SHAPES[name]
  assert bijector.latent_shape(shape) == latents
  assert bijector.data_shape(latents) == shape
  x = jax.ShapeDtypeStruct((2, *shape), jnp.float32)
  init = lambda x: bijector.init_with_output(jax.random.key(0), x, method='forward_and_log_det')[0]  # noqa: E731
  z, _ = jax.eval_shape(init, x)
  assert jax.tree.map(lambda leaf: leaf.shape[1:], z) == latents


def test_blocks_have_a_side():
  with pytest.raises(ValueError, match='factor=0 is no side of a block'):
    Squeeze(0)


def test_nothing_cannot_be_repeated():
  with pytest.raises(ValueError, match='num=0 repeats nothing'):
    Repeated(ActNorm(), 0)
