"""Every bijector inverts, and its log-determinants are those of its Jacobian. A new bijector is one row."""

from functools import partial
from typing import NamedTuple

import equinox as eqx
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from jaxgen import bijectors
from jaxgen.bijectors import (
  ActNorm,
  Autoregressive,
  BatchNorm,
  Bijector,
  Chain,
  Coupling,
  Inverse,
  InvertibleConv,
  Logit,
  MultiScale,
  Permutation,
  Repeated,
  Reshape,
  Reverse,
  ScaleShift,
  Scaling,
  Squeeze,
  masks,
  transforms,
)
from jaxgen.nn import MADE

SIGMOID = transforms.affine(transforms.sigmoid_log_scale)
BOUNDED = transforms.affine(transforms.bounded_log_scale(2.0))
SPLINE = transforms.rational_quadratic(bins=4)


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


def step(features):
  return Chain((ActNorm(), InvertibleConv(), Coupling(Net(features), SIGMOID, masks.halves())))


def multi_scale():
  prior = Coupling(Net(4), BOUNDED, masks.halves())
  first = Chain((Squeeze(), Repeated(step(4), 2), prior))
  return MultiScale((first, Chain((Squeeze(), step(8)))))


class Row(NamedTuple):
  bijector: nn.Module
  shape: tuple  # of one example
  given: int = 0  # the length of the condition
  cube: str = ''  # 'x' or 'z', where one of them lies in the unit cube


class Centred(Bijector):
  """Subtracts a running mean, which training updates: a bijector with batch statistics."""

  @nn.compact
  def _mean(self, batch):
    mean = self.variable('batch_stats', 'mean', lambda: jnp.zeros(batch.shape[-1]))
    if self.is_mutable_collection('batch_stats') and not self.is_initializing():
      mean.value = 0.9 * mean.value + 0.1 * batch.mean(tuple(range(batch.ndim - 1)))
    return mean.value

  def forward_and_log_det(self, x, given=None):
    return x - self._mean(x), jnp.zeros(x.shape[0])

  def inverse_and_log_det(self, z, given=None):
    return z + self._mean(z), jnp.zeros(z.shape[0])


class Planar(Bijector):
  """`z = x + u tanh(w x)`: a density, and no closed way back (Rezende & Mohamed 2015, equation 10)."""

  @property
  def has_inverse(self):
    return False

  @nn.compact
  def forward_and_log_det(self, x, given=None):
    u, w = (self.param(name, nn.initializers.normal(0.3), x.shape[-1:]) for name in 'uw')
    h = jnp.tanh(x @ w)
    return x + u * h[:, None], jnp.log(jnp.abs(1 + (1 - h**2) * (u @ w)))


TABLE = {
  'actnorm': Row(ActNorm(), (2, 3, 2)),
  'actnorm_vector': Row(ActNorm(), (3,)),
  'additive_coupling': Row(Coupling(Net(3), transforms.additive(), masks.halves()), (5,)),
  'affine_coupling': Row(Coupling(Net(4), SIGMOID, masks.halves()), (2, 2, 4)),
  'bounded_coupling': Row(Coupling(Net(6), BOUNDED, masks.halves(swap=True)), (6,)),
  'autoregressive': Row(Autoregressive(MADE((8,), 2), BOUNDED, method='scan'), (4,), given=3),
  'autoregressive_spline': Row(Autoregressive(MADE((8,), 11), SPLINE, method='fixed_point'), (3,)),
  'batch_norm': Row(BatchNorm(), (2, 3, 2)),
  'batch_norm_vector': Row(BatchNorm(), (3,)),
  'batch_statistics': Row(Centred(), (2, 3)),
  'chain_of_none': Row(Chain(()), (2, 3)),
  'chain': Row(Chain((ScaleShift(2.0, 1.0), step(4), Reverse())), (4,), given=3),
  'checkerboard_coupling': Row(Coupling(Net(4), BOUNDED, masks.checkerboard(2, 3, 1)), (2, 3, 2)),
  'conditional_coupling': Row(Coupling(Net(4), SIGMOID, masks.halves()), (2, 2, 4), given=3),
  'conditional_prior': Row(Coupling(Net(6), BOUNDED, masks.nothing()), (3,), given=2),
  'equinox_coupling': Row(Coupling(equinox_mlp(2, 4), BOUNDED, masks.halves()), (4,)),
  'inverse': Row(Inverse(step(4)), (4,)),
  'inverse_autoregressive': Row(Inverse(Autoregressive(MADE((8,), 2), SIGMOID)), (3,), given=2),
  'invertible_conv': Row(InvertibleConv(), (2, 2, 3)),
  'invertible_conv_vector': Row(InvertibleConv(), (5,)),
  'logit': Row(Logit(), (2, 2, 1), cube='x'),
  'masked_coupling': Row(Coupling(Net(8), BOUNDED, masks.binary(np.array([True, False, False, True]))), (4,)),
  'multi_scale': Row(multi_scale(), (4, 4, 1), given=3),
  'permutation': Row(Permutation((2, 0, 1)), (2, 3)),
  'plain_function_coupling': Row(Coupling(plain(4), SIGMOID, masks.halves()), (2, 4)),
  'prior': Row(Coupling(Net(6), BOUNDED, masks.nothing()), (2, 3)),
  'repeated': Row(Repeated(step(4), 3), (2, 2, 4), given=3),
  'repeated_batch_statistics': Row(Repeated(Chain((Centred(), ActNorm())), 3), (3,)),
  'reshape': Row(Reshape((2, 3), (6,)), (2, 3)),
  'reverse': Row(Reverse(), (2, 3)),
  'scale_shift': Row(ScaleShift(-0.5, 3.0), (2, 3)),
  'scaling': Row(Scaling(), (2, 3)),
  'sigmoid': Row(Inverse(Logit()), (4,), cube='z'),
  'spline_coupling': Row(Coupling(Net(22), SPLINE, masks.halves()), (2, 4), given=3),
  'squeeze': Row(Squeeze(), (4, 6, 2)),
}


# Whether there is a closed form: from the data to the latents, and back.
DIRECTIONS = {
  'planar': (Planar(), True, False),
  'inverse': (Inverse(Planar()), False, True),
  'chain': (Chain((ActNorm(), Planar())), True, False),
  'chain_of_both': (Chain((Inverse(Planar()), Planar())), False, False),
  'multi_scale': (MultiScale((ActNorm(), Planar())), True, False),
  'repeated': (Repeated(Planar(), 2), True, False),
  'coupling': (Coupling(Net(4), SIGMOID, masks.halves()), True, True),
}


@pytest.mark.parametrize('name', DIRECTIONS)
def test_it_says_which_directions_are_closed(name):
  bijector, forward, inverse = DIRECTIONS[name]
  assert (bijector.has_forward, bijector.has_inverse) == (forward, inverse)


def test_a_direction_that_is_missing_is_named():
  with pytest.raises(NotImplementedError, match='Planar has no closed form from the latents to the data'):
    Planar().inverse_and_log_det(jnp.zeros((1, 2)))


def test_every_method_of_every_bijector_is_annotated_and_states_its_shapes():
  for name in bijectors.__all__:
    kind = getattr(bijectors, name)
    if not isinstance(kind, type):
      continue
    assert issubclass(kind, Bijector)
    for method in (kind.forward_and_log_det, kind.inverse_and_log_det):
      assert method.__doc__ and {'given', 'return'} < set(method.__annotations__), f'{name}.{method.__name__}'


@pytest.mark.parametrize('name', TABLE)
def test_it_inverts_and_its_log_det_is_that_of_the_jacobian(name):
  bijector, shape, given_size, cube = TABLE[name]
  batch = 3
  apply = {there: partial(bijector.apply, method=f'{there}_and_log_det') for there in ('forward', 'inverse')}

  @jax.jit
  def check():
    x = _draw((batch, *shape), cube == 'x')
    given = _draw((batch, given_size), False) if given_size else None
    variables = _disturbed(bijector.init(jax.random.key(0), x, given, method='forward_and_log_det'))
    like = jax.eval_shape(apply['forward'], variables, x, given)[0]
    z = jax.tree.map(lambda leaf: _draw(leaf.shape, cube == 'z'), like)
    results = []
    for there, back, start in (('forward', 'inverse', x), ('inverse', 'forward', z)):
      image, log_det, jacobian = _with_jacobian(lambda v, f=apply[there]: f(variables, v, given), start)
      again, log_det_back = apply[back](variables, image, given)
      results.append((start, again, log_det, log_det_back, jacobian))
    return results

  for start, again, log_det, log_det_back, jacobian in check():
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), again, start)
    assert log_det.shape == (batch,) and log_det.dtype == jnp.float32
    volume = np.linalg.slogdet(np.asarray(jacobian, np.float64))[1]
    np.testing.assert_allclose(log_det, volume, atol=2e-4, rtol=1e-4)
    np.testing.assert_allclose(log_det_back, -log_det, atol=2e-4, rtol=1e-4)


def _draw(shape, in_cube):
  rng = np.random.default_rng(len(shape))
  return jnp.float32(rng.uniform(0.01, 0.99, shape) if in_cube else rng.standard_normal(shape))


def _disturbed(variables):
  """Moves every parameter away from where it starts, lest an error hide behind a zero."""
  rng = np.random.default_rng(9)
  params = variables.get('params', {})
  return {
    **variables,
    'params': jax.tree.map(lambda p: p + jnp.float32(0.3 * rng.standard_normal(p.shape)), params),
  }


def _with_jacobian(function, start):
  """`function(start)` and its Jacobian, [B, D, D]: one tangent per dimension, for all examples at once."""
  _, unravel = ravel_pytree(jax.tree.map(lambda leaf: leaf[0], start))
  flat = _rows(start)

  def along(direction):
    of_rows = lambda rows: function(jax.vmap(unravel)(rows))  # noqa: E731
    (image, log_det), (tangent, _) = jax.jvp(of_rows, (flat,), (jnp.broadcast_to(direction, flat.shape),))
    return image, log_det, _rows(tangent)

  image, log_det, columns = jax.vmap(along, out_axes=(None, None, 2))(jnp.eye(flat.shape[1]))
  return image, log_det, columns


def _rows(tree):
  return jnp.concatenate([leaf.reshape(leaf.shape[0], -1) for leaf in jax.tree.leaves(tree)], -1)
