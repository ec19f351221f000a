"""One contract for every network of a score model; a new one is a row."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import computing
from jaxgen.models.score.ncsn import ScoreNetwork
from jaxgen.models.score.ncsn_mlp import ScoreMLP
from jaxgen.models.score.refinenet import RefineNet
from jaxgen.models.score.unet import UNet
from jaxgen.types import GenerativeModel
from jaxgen.updates import ema


class Case(NamedTuple):
  """A network of odd settings, the shape of an image, and whether it sees the noise level."""

  network: Any
  shape: tuple[int, ...]
  sees_sigma: bool = True


CASES = {
  'ncsn': Case(ScoreNetwork((6, 9), 2, dropout=0.5), (6, 10, 3)),
  'mlp': Case(ScoreMLP(7, 2), (3, 2, 1)),
  'unet': Case(UNet((6, 12, 5), 2, (3,), dropout=0.5), (5, 7, 3)),
  'unet of one resolution': Case(UNet((9,), 1, (), scales=True, rescaled=True), (4, 4, 1)),
  'refinenet': Case(RefineNet(5, (10.0, 1.0, 0.1)), (7, 6, 3)),
  'refinenet without levels': Case(RefineNet(5), (7, 6, 3), sees_sigma=False),
}
NUM = 3


@pytest.fixture(scope='module', params=CASES.values(), ids=list(CASES))
def case(request):
  """The case, parameters far from their start, where outputs may be zero, and what to call the network with."""
  network, shape, _ = request.param
  x = jax.random.normal(jax.random.key(0), (NUM, *shape))
  given = {'label': jax.nn.one_hot(jnp.arange(NUM), 4), 'y': jnp.flip(x, 1)}
  args = (x, jnp.array([0.1, 1.0, 10.0]), given)
  params = jax.jit(lambda: network.init(jax.random.key(1), *args, train=False))()
  leaves, structure = jax.tree.flatten(params)
  keys = jax.random.split(jax.random.key(2), len(leaves))
  shaken = [leaf + 0.1 * jax.random.normal(key, leaf.shape) for leaf, key in zip(leaves, keys, strict=True)]
  return request.param, structure.unflatten(shaken), args


def _apply(network, train=False):
  return lambda params, x, sigma, given: network.apply(
    params, x, sigma, given, train=train, rngs={'dropout': jax.random.key(3)}
  )


def test_outputs_have_the_shape_of_the_inputs(case):
  (network, shape, _), params, args = case
  for train in (False, True):
    assert jax.eval_shape(_apply(network, train), params, *args).shape == (NUM, *shape)
  x, sigma, _ = args

  def alone(rng):
    return network.init_with_output({'params': rng, 'dropout': rng}, x, sigma, {}, train=True)[0]

  assert jax.eval_shape(alone, jax.random.key(0)).shape == (NUM, *shape)


def test_each_example_depends_on_its_own_pixels_conditions_and_noise_alone(case):
  (network, _, sees_sigma), params, (x, sigma, given) = case
  apply = jax.jit(_apply(network))
  before = apply(params, x, sigma, given)

  def changed(x=x, sigma=sigma, **conditions):
    return (np.asarray(apply(params, x, sigma, {**given, **conditions}) != before)).any((1, 2, 3)).tolist()

  only_second = [False, True, False]
  assert changed(x=x.at[1].mul(1.5)) == only_second
  assert changed(label=given['label'].at[1].set(given['label'][0])) == only_second
  assert changed(y=given['y'].at[1].mul(1.5)) == only_second
  assert changed(sigma=sigma.at[1].set(8.0)) == (only_second if sees_sigma else [False] * NUM)


def test_outputs_and_gradients_are_finite_far_from_the_data_and_at_any_noise(case):
  (network, _, _), params, (x, _, given) = case
  apply, sigma = _apply(network, train=True), jnp.array([1e-3, 1.0, 1e4])
  loss = jax.jit(jax.value_and_grad(lambda params, x: jnp.mean(apply(params, x, sigma, given) ** 2), (0, 1)))
  for scale in (0.0, 1e4):
    leaves = jax.tree.leaves(loss(params, scale * x))
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in leaves)


def test_in_bfloat16_it_is_nearly_the_same_with_noise_levels_in_float32(case):
  (network, _, _), params, args = case
  usual = _apply(network)
  low = computing.computed(GenerativeModel(None, ema(0.5), usual, None, ''), 'bfloat16', False).evaluate
  y, expected = jax.jit(low)(params, *args), jax.jit(usual)(params, *args)
  assert y.dtype == jnp.bfloat16
  assert float(jnp.abs(y - expected).max()) < 0.05 * float(jnp.abs(expected).max())
