"""What a flow starts on may be constant, of one value, or huge: nothing that it computes is nan or infinite."""

import flax.linen as nn
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
  Logit,
  MultiScale,
  Planar,
  Radial,
  Repeated,
  Squeeze,
  masks,
  transforms,
)

RNG = jax.random.key(0)


class Dense(nn.Module):
  """A conditioner that computes in bfloat16."""

  features: int

  @nn.compact
  def __call__(self, x, given=None):
    h = nn.Dense(8, dtype=jnp.bfloat16)(x)
    return nn.Dense(self.features, dtype=jnp.bfloat16)(jnp.tanh(h))


def coupling(channels):
  moved = channels - channels // 2
  return Coupling(Dense(2 * moved), transforms.affine(transforms.bounded_log_scale(2.0)), masks.halves())


def step(channels):
  return Chain((ActNorm(), InvertibleConv(), coupling(channels)))


VECTORS = {
  'actnorm': ActNorm(),
  'actnorm_inverse': Inverse(ActNorm()),
  'planar': Chain((ActNorm(), Repeated(Planar(Dense(9)), 3))),
  'radial': Chain((ActNorm(), Repeated(Radial(Dense(6)), 3))),
  'steps': Repeated(step(4), 3),
}
IMAGES = {
  'glow': MultiScale((Chain((Squeeze(), step(4))), Chain((Squeeze(), step(8))))),
  'glow_of_logits': Chain((Logit(), Squeeze(), Repeated(step(4), 2))),
}
NORMAL = np.random.default_rng(0).standard_normal((16, 4)).astype(np.float32)
STARTS = {
  'zeros': np.zeros((16, 4), np.float32),
  'one_value': np.full((16, 4), 0.1, np.float32),
  'a_constant_channel': NORMAL * np.float32([1, 0, 1, 0]) + np.float32([0, 1234.5, 0, -0.1]),
  'one_example_again_and_again': np.repeat(NORMAL[:1], 16, 0),
  'large': 1e6 * NORMAL,
  'very_large': 1e15 * NORMAL,
  'one_far_example': np.concatenate([NORMAL[1:], 1e6 * NORMAL[:1]]),
}


def found(bijector):
  """`x -> what it computes`, begun by x: latents, gradients, and what comes back, also from far in the tails."""

  @jax.jit
  def run(x):
    variables = bijector.init(RNG, x, method='forward_and_log_det')

    def total(params, x):
      z, log_det = bijector.apply({**variables, 'params': params}, x, method='forward_and_log_det')
      return sum(leaf.sum() for leaf in jax.tree.leaves(z)) + log_det.sum(), (z, log_det)

    gradients, (z, log_det) = jax.grad(total, (0, 1), has_aux=True)(variables['params'], x)
    far = jax.tree.map(lambda leaf: 1e4 * jax.random.normal(RNG, leaf.shape), z)
    both = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), z, far)
    return z, log_det, gradients, bijector.apply(variables, both, method='inverse_and_log_det')

  return run


def finite(tree):
  return all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize('name', VECTORS)
def test_vectors(name):
  run = found(VECTORS[name])
  assert [start for start, x in STARTS.items() if not finite(run(x))] == []


@pytest.mark.parametrize('name', IMAGES)
def test_images_of_one_value(name):
  run = found(IMAGES[name])
  assert [value for value in (0.0, 0.5, 1.0) if not finite(run(jnp.full((4, 4, 4, 1), value)))] == []


@pytest.mark.parametrize('size', [0.0, 1e-25, 1e-10, 1e-6, 1e-3])
def test_a_planar_layer_that_has_shrunk_to_nothing_has_finite_gradients_and_is_exact(size):
  """As training shrinks the layers that it does not need; u pulls against w, so that the constraint acts."""
  params = {
    'params': {'u': size * jnp.array([-3.0, 1.0]), 'w': size * jnp.array([2.0, 1.0]), 'b': jnp.zeros(1)}
  }
  x = jnp.array([[0.5, -1.0], [2.0, 3.0]])

  def of(params, x):
    return Planar().apply(params, x, method='forward_and_log_det')

  gradients = jax.jit(jax.grad(lambda params, x: sum(out.sum() for out in of(params, x)), (0, 1)))(params, x)
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))
  jacobian = jax.vmap(jax.jacfwd(lambda x: of(params, x[None])[0][0]))(x)
  np.testing.assert_allclose(of(params, x)[1], jnp.linalg.slogdet(jacobian)[1], atol=1e-6)
