import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.nn.conditional_instance_norm import ConditionalInstanceNorm

X = 3 + 2 * jax.random.normal(jax.random.key(0), (2, 4, 5, 6)) * jnp.arange(1, 7)


def _published(x, gain, share, bias):
  """Song & Ermon 2019, appendix A: mu and s over the pixels of a channel, m and v over the channels' mu."""
  mu, s = x.mean((1, 2), keepdims=True), x.std((1, 2), keepdims=True)
  m, v = mu.mean(-1, keepdims=True), mu.std(-1, keepdims=True)
  return gain * (x - mu) / s + bias + share * (mu - m) / v


def test_values_are_those_of_the_paper():
  params = {
    name: jax.random.normal(jax.random.key(i), (6,)) for i, name in enumerate(('gain', 'share', 'bias'))
  }
  y = ConditionalInstanceNorm().apply({'params': params}, X, None)
  expected = _published(X, 1 + params['gain'], 1 + params['share'], params['bias'])
  np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)


def test_a_condition_that_is_one_hot_chooses_a_row_of_a_table():
  names = ('gain', 'share', 'bias')
  tables = {name: jax.random.normal(jax.random.key(i), (3, 6)) for i, name in enumerate(names)}
  params = {name: {'kernel': table} for name, table in tables.items()}
  rows = np.array([2, 0])
  y = ConditionalInstanceNorm().apply({'params': params}, X, jax.nn.one_hot(rows, 3))
  gain, share, bias = (tables[name][rows][:, None, None] for name in names)
  np.testing.assert_allclose(y, _published(X, 1 + gain, 1 + share, bias), rtol=1e-4, atol=1e-4)


def test_it_starts_near_gains_and_shares_of_one():
  params = ConditionalInstanceNorm().init(jax.random.key(0), jnp.ones((1, 2, 2, 4000)), jnp.ones((1, 2)))[
    'params'
  ]
  assert jnp.abs(params['gain']['kernel'].std() - 0.02) < 1e-3
  assert jnp.abs(params['share']['kernel'].std() - 0.02) < 1e-3
  assert not params['bias']['kernel'].any()


def test_an_image_of_one_grey_and_one_pixel_is_finite():
  layer = ConditionalInstanceNorm()
  for x in (jnp.full((1, 4, 4, 3), 1e4), jnp.full((1, 1, 1, 1), -1e4)):
    params = layer.init(jax.random.key(0), x, None)
    value, slope = jax.jit(jax.value_and_grad(lambda x, params=params: layer.apply(params, x, None).sum()))(x)
    assert bool(jnp.isfinite(value) & jnp.isfinite(slope).all())
