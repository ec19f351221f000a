import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.families.logistic_mixtures import logistic_mixture, packed, unpacked
from jaxgen.losses.logistic_mixture import LogisticMixture, coupled, logistic_mixture_log_masses

LEVELS = 5
PIXELS = LogisticMixture(
  jnp.array([0.5, -0.5]),
  jnp.array([[0.1, 0.9], [0.4, 0.7], [0.8, 0.2]]),
  jnp.array([[-2.0, -1.5], [-1.0, -2.0], [-2.5, -1.0]]),
)
COEFFICIENTS = jnp.array([[0.5, -0.5], [1.0, 0.3], [-0.4, 0.8]])


def _outputs(x):
  """Of all channels, of which those before a channel alone tell its own."""
  shape = (*x.shape[:-1], 3, 2)
  mixture = LogisticMixture(
    jnp.broadcast_to(PIXELS.logits, (*x.shape[:-1], 2)),
    *(jnp.broadcast_to(part, shape) for part in PIXELS[1:]),
  )
  return packed(coupled(x, mixture, jnp.broadcast_to(COEFFICIENTS, shape), levels=LEVELS))


def test_red_then_green_given_red_then_blue_follow_the_mass_of_the_pixel():
  distribution, num = logistic_mixture(LEVELS, 2), 20_000
  assert distribution.num_outputs == 6
  x, log_mass = jnp.zeros((num, 3), jnp.int32), 0.0
  for channel in range(3):
    value, of_value = distribution.draw(jax.random.key(channel), _outputs(x)[:, channel], temperature=1.0)
    x, log_mass = x.at[:, channel].set(value), log_mass + of_value
  np.testing.assert_allclose(-log_mass, distribution.nll(_outputs(x), x), rtol=1e-4)
  every = jnp.stack(jnp.meshgrid(*[jnp.arange(LEVELS)] * 3, indexing='ij'), -1).reshape(-1, 3)
  expected = num * np.exp(-np.asarray(distribution.nll(_outputs(every), every)))
  counts = np.bincount(np.asarray(x) @ [25, 5, 1], minlength=125)
  usual = expected > 5
  chi_square = np.sum((counts - expected)[usual] ** 2 / expected[usual])
  assert usual.sum() > 20
  assert chi_square < usual.sum() - 1 + 4 * np.sqrt(2 * (usual.sum() - 1))


def test_the_temperature_is_that_of_the_values_not_of_the_components():
  mixture = LogisticMixture(jnp.zeros((1, 2)), jnp.array([[0.3, 0.8]]), jnp.full((1, 2), -1.0))
  outputs = jnp.tile(packed(mixture), (20_000, 1))
  distribution = logistic_mixture(LEVELS, 2)
  log_masses = np.asarray(logistic_mixture_log_masses(mixture, LEVELS))[0]
  cold, _ = distribution.draw(jax.random.key(0), outputs, temperature=0.0)
  assert (cold == log_masses.argmax()).all()
  value, log_mass = distribution.draw(jax.random.key(0), outputs, temperature=0.5)
  expected = np.exp(2 * log_masses) / np.exp(2 * log_masses).sum()
  np.testing.assert_allclose(np.bincount(value, minlength=LEVELS) / 20_000, expected, atol=0.02)
  np.testing.assert_allclose(log_mass, np.log(expected)[value], rtol=1e-4)


def test_packing_is_undone():
  mixture = LogisticMixture(*jax.random.normal(jax.random.key(0), (3, 4, 2)))
  jax.tree.map(np.testing.assert_array_equal, unpacked(packed(mixture)), mixture)


def test_refuses_continuous_data():
  with pytest.raises(ValueError, match='continuous'):
    logistic_mixture(0, 2)
