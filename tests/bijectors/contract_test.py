"""Every bijector inverts, and its log-determinants are those of its Jacobian. A new bijector is one row."""

import math
from functools import partial

import equinox as eqx
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import bijectors
from jaxgen.bijectors import (
  ActNorm,
  Autoregressive,
  BatchNorm,
  Bijector,
  Chain,
  Coupling,
  Exp,
  Inverse,
  InvertibleConv,
  LeakyReLU,
  Logit,
  MultiScale,
  Permutation,
  Planar,
  Radial,
  Repeated,
  Reshape,
  Reverse,
  ScaleShift,
  Scaling,
  Softplus,
  Squeeze,
  Tanh,
  conditional_affine,
  log_det,
  masks,
  transforms,
)
from jaxgen.nn import MADE
from tests.bijectors.contract import Row, computed

SIGMOID = transforms.affine(transforms.sigmoid_log_scale)
BOUNDED = transforms.affine(transforms.bounded_log_scale(2.0))
SPLINE = transforms.rational_quadratic(bins=4)
RELATIVE = transforms.rational_quadratic(bins=4, relative=True)


class Net(nn.Module):
  features: int

  @nn.compact
  def __call__(self, x, given=None):
    dense = partial(nn.Dense, kernel_init=nn.initializers.zeros_init())  # random later: see _disturbed
    h = dense(8)(x)
    if given is not None:
      h += dense(8)(given).reshape(given.shape[0], *[1] * (x.ndim - 2), 8)
    return dense(self.features)(jnp.tanh(h))


def plain(features):
  """A network that is nothing but a function."""
  return lambda x: jnp.tanh(jnp.stack([x.sum(-1) * 0.3 + i for i in range(features)], -1))


def equinox_mlp(inputs, features):
  mlp = eqx.nn.MLP(inputs, features, 8, 1, activation=jnp.tanh, key=jax.random.key(3))
  return lambda x: jax.vmap(mlp)(x)


def moved(shape):
  return shape[-1] - shape[-1] // 2


def odd(shape):
  return np.arange(np.prod(shape)).reshape(shape) % 2 == 1


def coupling(transform, shape, mask=None):
  mask = mask or masks.halves()
  _, moves = jax.eval_shape(mask.split, jax.ShapeDtypeStruct((1, *shape), jnp.float32))
  return Coupling(Net(transform.num_params * moves.shape[-1]), transform, mask)


def step(shape):
  return Chain((ActNorm(), InvertibleConv(), coupling(SIGMOID, shape)))


def multi_scale(shape):
  height, width, channels = shape
  inner, outer = (height // 2, width // 2, 4 * channels), (height // 4, width // 4, 8 * channels)
  prior = coupling(BOUNDED, inner)
  return MultiScale((Chain((Squeeze(), Repeated(step(inner), 2), prior)), Chain((Squeeze(), step(outer)))))


class Centred(Bijector):
  """Subtracts a running mean, which training updates: a bijector with batch statistics."""

  @nn.compact
  def _mean(self, batch):
    mean = self.variable('batch_stats', 'mean', lambda: jnp.zeros(batch.shape[-1], jnp.float32))
    if self.is_mutable_collection('batch_stats') and not self.is_initializing():
      mean.value = 0.9 * mean.value + 0.1 * batch.mean(tuple(range(batch.ndim - 1)))
    return mean.value

  def forward_and_log_det(self, x, given=None):
    return x - self._mean(x), log_det.zeros(x)

  def inverse_and_log_det(self, z, given=None):
    return z + self._mean(z), log_det.zeros(z)


class OneWay(Bijector):
  """`z = x + u tanh(w x)`: a density, and no closed way back (Rezende & Mohamed 2015, equation 10)."""

  @property
  def has_inverse(self):
    return False

  @nn.compact
  def forward_and_log_det(self, x, given=None):
    u, w = (self.param(name, nn.initializers.normal(0.3), x.shape[-1:]) for name in 'uw')
    h = jnp.tanh(x @ w)
    return x + u * h[:, None], jnp.log(jnp.abs(1 + (1 - h**2) * (u @ w)))


IMAGES = [(2, 3, 1), (1, 1, 2), (2, 2, 3)]  # of an odd side, of a single pixel, of odd channels
VECTORS = [(1,), (2,), (5,)]
SEVERAL = [(2,), (3,), (2, 3, 4)]  # channels, to split

TABLE = {
  'actnorm': Row(lambda shape: ActNorm(), IMAGES + VECTORS),
  'additive_coupling': Row(lambda shape: coupling(transforms.additive(), shape), SEVERAL, givens=(0, 3)),
  'affine_coupling': Row(lambda shape: coupling(SIGMOID, shape), SEVERAL, givens=(3, 0)),
  'alternating_coupling': Row(lambda shape: coupling(BOUNDED, shape, masks.alternating()), SEVERAL),
  'autoregressive': Row(
    lambda shape: Autoregressive(MADE((8,), 2), BOUNDED, method='scan'), VECTORS[1:], givens=(3, 0)
  ),
  'autoregressive_spline': Row(
    lambda shape: Autoregressive(MADE((8,), 11), SPLINE, method='fixed_point'), VECTORS
  ),
  'batch_norm': Row(lambda shape: BatchNorm(), IMAGES + VECTORS),
  'batch_statistics': Row(lambda shape: Centred(), [(2, 3)]),
  'bounded_coupling': Row(lambda shape: coupling(BOUNDED, shape, masks.halves(swap=True)), SEVERAL),
  'chain': Row(lambda shape: Chain((ScaleShift(2.0, 1.0), step(shape), Reverse())), SEVERAL, givens=(3, 0)),
  'chain_of_none': Row(lambda shape: Chain(()), IMAGES),
  'checkerboard_coupling': Row(
    lambda shape: coupling(BOUNDED, shape, masks.checkerboard(*shape[:2], 1)), IMAGES, givens=(0, 3)
  ),
  'conditional_affine': Row(
    lambda shape: conditional_affine(Net(2 * shape[-1])), VECTORS + IMAGES, givens=(3, 0)
  ),
  'equinox_coupling': Row(
    lambda shape: Coupling(equinox_mlp(shape[0] // 2, 2 * moved(shape)), BOUNDED, masks.halves()),
    [(4,), (5,)],
  ),
  'exp': Row(lambda shape: Exp(), VECTORS + IMAGES, bounded='z', far=50.0),
  'inverse': Row(lambda shape: Inverse(step(shape)), SEVERAL, givens=(0, 3)),
  'inverse_autoregressive': Row(
    # a scale of sigmoid(-1e4) has no inverse in any type
    lambda shape: Inverse(Autoregressive(MADE((8,), 2), SIGMOID)),
    VECTORS[1:],
    givens=(2, 0),
    far=10.0,
  ),
  'invertible_conv': Row(lambda shape: InvertibleConv(), VECTORS + IMAGES),
  'leaky_relu': Row(lambda shape: LeakyReLU(0.1), VECTORS + IMAGES),
  'logit': Row(lambda shape: Logit(), IMAGES + VECTORS, bounded='x', far=5.0),
  'masked_coupling': Row(
    lambda shape: coupling(BOUNDED, shape, masks.binary(odd(shape))), [(2,), (5,), (2, 3, 2)]
  ),
  'multi_scale': Row(multi_scale, [(4, 4, 1), (8, 4, 1)], givens=(3, 0)),
  'permutation': Row(lambda shape: Permutation(np.roll(range(shape[-1]), 1)), VECTORS + IMAGES),
  'plain_function_coupling': Row(
    lambda shape: Coupling(plain(2 * moved(shape)), SIGMOID, masks.halves()), SEVERAL
  ),
  'planar': Row(lambda shape: Planar(), VECTORS),
  'planar_conditional': Row(lambda shape: Planar(Net(2 * shape[0] + 1)), VECTORS, givens=(3, 0)),
  'prior': Row(lambda shape: coupling(BOUNDED, shape, masks.nothing()), VECTORS + IMAGES, givens=(0, 2)),
  'radial': Row(lambda shape: Radial(), VECTORS),
  'radial_conditional': Row(lambda shape: Radial(Net(shape[0] + 2)), VECTORS, givens=(3, 0)),
  'relative_spline_coupling': Row(lambda shape: coupling(RELATIVE, shape), SEVERAL, givens=(3, 0)),
  'repeated': Row(lambda shape: Repeated(step(shape), 3), SEVERAL, givens=(3, 0)),
  'repeated_batch_statistics': Row(lambda shape: Repeated(Chain((Centred(), ActNorm())), 3), [(3,)]),
  'reshape': Row(lambda shape: Reshape(shape, (math.prod(shape),)), IMAGES),
  'reverse': Row(lambda shape: Reverse(), IMAGES + VECTORS),
  'scale_shift': Row(lambda shape: ScaleShift(-0.5, 3.0), IMAGES + VECTORS),
  'scaling': Row(lambda shape: Scaling(), IMAGES + VECTORS),
  'sigmoid': Row(lambda shape: Inverse(Logit()), VECTORS + IMAGES, bounded='z', far=5.0),
  'softplus': Row(lambda shape: Softplus(), VECTORS + IMAGES, bounded='z', far=50.0),
  'spline_coupling': Row(lambda shape: coupling(SPLINE, shape), SEVERAL, givens=(3, 0)),
  'squeeze': Row(lambda shape: Squeeze(), [(2, 2, 1), (4, 6, 2), (2, 4, 3)]),
  'squeeze_by_three': Row(lambda shape: Squeeze(3), [(3, 3, 1), (9, 3, 2)]),
  'tanh': Row(lambda shape: Tanh(), VECTORS + IMAGES, bounded='z', far=4.0),
}
# the first shape of each, with gradients, which take the longest to compile; all others by hand
CASES = [
  pytest.param(name, *case, index == 0, marks=[pytest.mark.slow] if index else [])
  for name, row in TABLE.items()
  for index, case in enumerate(row.cases())
]


# Whether there is a closed form: from the data to the latents, and back.
DIRECTIONS = {
  'one_way': (OneWay(), True, False),
  'inverse': (Inverse(OneWay()), False, True),
  'chain': (Chain((ActNorm(), OneWay())), True, False),
  'chain_of_both': (Chain((Inverse(OneWay()), OneWay())), False, False),
  'multi_scale': (MultiScale((ActNorm(), OneWay())), True, False),
  'repeated': (Repeated(OneWay(), 2), True, False),
  'coupling': (coupling(SIGMOID, (4,)), True, True),
}


@pytest.mark.parametrize('name', DIRECTIONS)
def test_it_says_which_directions_are_closed(name):
  bijector, forward, inverse = DIRECTIONS[name]
  assert (bijector.has_forward, bijector.has_inverse) == (forward, inverse)


ADDITIVE = Coupling(Net(2), transforms.additive(), masks.halves())
# Whether the log-determinant is the same everywhere.
CONSTANT = {
  'additive': (Chain((ScaleShift(2.0, 1.0), ActNorm(), InvertibleConv(), ADDITIVE, Scaling())), True),
  'batch_norm': (Chain((BatchNorm(), ADDITIVE)), True),
  'affine': (Chain((ActNorm(), Coupling(Net(4), SIGMOID, masks.halves()))), False),
  'inverse': (Inverse(Repeated(ADDITIVE, 2)), True),
  'multi_scale': (MultiScale((Chain((Squeeze(), ADDITIVE)), Logit())), False),
  'autoregressive': (Autoregressive(MADE((8,), 1), transforms.additive()), True),
  'spline': (Coupling(Net(22), SPLINE, masks.halves()), False),
}


@pytest.mark.parametrize('name', CONSTANT)
def test_it_says_whether_the_log_det_is_the_same_everywhere(name):
  bijector, constant = CONSTANT[name]
  assert bijector.constant_log_det == constant


def test_a_direction_that_is_missing_is_named():
  with pytest.raises(NotImplementedError, match='OneWay has no closed form from the latents to the data'):
    OneWay().inverse_and_log_det(jnp.zeros((1, 2)))


def test_every_method_of_every_bijector_is_annotated_and_states_its_shapes():
  for name in bijectors.__all__:
    kind = getattr(bijectors, name)
    if not isinstance(kind, type):
      continue
    assert issubclass(kind, Bijector)
    for method in (kind.forward_and_log_det, kind.inverse_and_log_det):
      assert method.__doc__ and {'given', 'return'} < set(method.__annotations__), f'{name}.{method.__name__}'


@pytest.mark.parametrize(('name', 'shape', 'given', 'gradients'), CASES)
def test_it_inverts_and_its_log_det_is_that_of_the_jacobian(name, shape, given, gradients):
  row = TABLE[name]
  bijector = row.make(shape)
  latents = bijector.latent_shape(shape)
  assert bijector.data_shape(latents) == shape
  for way, found in computed(row, shape, given, gradients).items():
    exact, single = found['exact'], found['single']
    start, end = (shape, latents) if way == 'forward' else (latents, shape)
    assert (shapes(exact.start), shapes(exact.image)) == (start, end)
    assert exact.log_det.dtype == np.float64 and single.log_det.dtype == np.float32
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves((single.image, single.again)))
    # what one example gives by itself, under vmap, is what it gives among others
    close(found['alone'], (exact.image, exact.log_det), 1e-10)
    close(exact.again, exact.start, 1e-10)
    close(exact.log_det_back, -exact.log_det, 1e-10)
    close(exact.log_det, np.linalg.slogdet(found['jacobian'])[1], 1e-10)
    close(single.again, single.start, 1e-4)
    close(single.log_det_back, -single.log_det, 2e-4)
    close(single.image, exact.image, 1e-4)
    close(single.log_det, exact.log_det, 2e-4)
    if bijector.constant_log_det and not given:
      close(exact.log_det, np.broadcast_to(exact.log_det[0], exact.log_det.shape), 1e-10)
    assert all(found.get('finite', ()))


def shapes(tree):
  return jax.tree.map(lambda leaf: leaf.shape[1:], tree)


def close(found, expected, tolerance):
  """Within the tolerance of the largest number of each example, or of 1."""
  for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
    size = np.maximum(1, np.abs(b).reshape(len(b), -1).max(1)).reshape(-1, *[1] * (b.ndim - 1))
    np.testing.assert_allclose(a / size, b / size, rtol=0, atol=tolerance)
