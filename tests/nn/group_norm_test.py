import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.nn import GroupNorm


@pytest.mark.parametrize('shape, groups', [((3, 4, 5, 8), 4), ((2, 6, 6), 1), ((2, 3, 3, 3, 4), 4)])
def test_values_and_gradients_are_linens(shape, groups):
  x = 3.0 + 2.0 * jax.random.normal(jax.random.key(0), shape)
  ours, theirs = GroupNorm(groups), nn.GroupNorm(groups)
  params = jax.tree.map(lambda p: p + 0.3, ours.init(jax.random.key(1), x))
  assert jax.tree.map(jnp.shape, params) == jax.tree.map(jnp.shape, theirs.init(jax.random.key(1), x))
  np.testing.assert_allclose(ours.apply(params, x), theirs.apply(params, x), rtol=1e-4, atol=1e-4)
  gradients = [jax.grad(lambda p, x: jnp.sin(m.apply(p, x)).sum(), (0, 1))(params, x) for m in (ours, theirs)]  # noqa: B023
  for a, b in zip(*map(jax.tree.leaves, gradients), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)


def test_half_precision_has_statistics_in_full():
  x = (1000 + jax.random.normal(jax.random.key(0), (2, 8, 8, 4))).astype(jnp.bfloat16)
  y, _ = GroupNorm(2).init_with_output(jax.random.key(1), x)
  assert y.dtype == jnp.bfloat16
  assert bool(jnp.isfinite(y.astype(jnp.float32)).all())


def test_groups_have_to_divide_the_channels():
  with pytest.raises(ValueError, match='6 channels do not fall into 4 groups'):
    GroupNorm(4).init(jax.random.key(0), jnp.ones((1, 2, 2, 6)))
