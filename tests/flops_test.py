"""A scanned network costs what the same network costs written out."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from jaxgen.programs import flops

X, KERNELS = jnp.ones((256, 64)), jnp.ones((5, 64, 64))
PRODUCTS = 2 * 256 * 64 * 64 * 5


def _layer(x, kernel):
  return jnp.tanh(x @ kernel), None


def _scanned(x, kernels):
  return lax.scan(_layer, x, kernels)[0].sum()


def _written_out(x, kernels):
  for kernel in kernels:
    x, _ = _layer(x, kernel)
  return x.sum()


def _three_times(network):
  def scanned(x, kernels):
    return lax.scan(lambda x, _: (x + network(x, kernels), None), x, None, length=3)[0].sum()

  def written_out(x, kernels):
    for _ in range(3):
      x = x + network(x, kernels)
    return x.sum()

  return scanned, written_out


CASES = {
  'a scan': (_scanned, _written_out, PRODUCTS),
  # of each layer, for what came in and for the kernel
  'its gradient': (jax.grad(_scanned, (0, 1)), jax.grad(_written_out, (0, 1)), 3 * PRODUCTS),
  'a scan in a scan': (_three_times(_scanned)[0], _three_times(_written_out)[1], 3 * PRODUCTS),
  'inside of calls': (jax.jit(jax.checkpoint(_scanned)), _written_out, PRODUCTS),
}


@pytest.mark.parametrize('name', CASES)
def test_a_loop_counts_as_often_as_it_runs(name):
  scanned, written_out, products = CASES[name]
  counted = flops(scanned, X, KERNELS)
  assert counted == pytest.approx(flops(written_out, X, KERNELS), rel=0.01)
  assert products < counted < 1.05 * products


def test_branches_and_shapes_without_numbers():
  shape = jax.ShapeDtypeStruct(X.shape, X.dtype)
  kernels = jax.ShapeDtypeStruct(KERNELS.shape, KERNELS.dtype)

  def maybe(x, kernels):
    return lax.cond(x.sum() > 0, lambda: _scanned(x, kernels), lambda: 0.0)

  assert flops(maybe, shape, kernels) == pytest.approx(PRODUCTS, rel=0.05)
