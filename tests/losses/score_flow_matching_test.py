import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.losses import score


def test_flow_matching_by_hand():
  # x = (1, 0) and e = (3, 4) meet at (1.5, 1) a quarter of the way; the velocity between them is (2, 4)
  seen = {}

  def velocity_fn(x, t):
    seen.update(x=x, t=t)
    return jnp.array([[1.0, 1.0]])

  found = score.flow_matching(
    velocity_fn, jnp.array([[1.0, 0.0]]), jnp.array([[3.0, 4.0]]), jnp.array([0.25])
  )
  np.testing.assert_allclose(found, [(1 + 9) / 2])
  np.testing.assert_allclose(seen['x'], [[1.5, 1.0]])
  np.testing.assert_allclose(seen['t'], [0.25])


def test_it_is_denoising_in_the_frame_of_relative_noise():
  with jax.enable_x64(True):
    x, noise, s = jax.random.normal(jax.random.key(0), (3, 6, 4, 2), jnp.float64)
    t = jnp.linspace(0.01, 0.99, 6)
    sigma, share = t / (1 - t), t[:, None, None]
    velocity_fn = lambda noisy, t: (-(share / (1 - share)) * s - noisy) / (1 - share)  # noqa: E731
    found = score.flow_matching(velocity_fn, x, noise, t)
    np.testing.assert_allclose(found, (1 + sigma) ** 2 * score.denoising_error(s, noise, sigma), rtol=1e-10)


@pytest.mark.parametrize('correlation', [0.0, 0.9])
def test_it_is_least_at_the_mean_velocity_of_the_pairs(correlation):
  """Of x and e jointly Gaussian, E[e - x | x_t] is linear: cov(e - x, x_t) / var(x_t)."""
  first, second = jax.random.normal(jax.random.key(1), (2, 50_000, 1))
  x, noise = first, correlation * first + np.sqrt(1 - correlation**2) * second
  for t in (0.2, 0.7):
    times = jnp.full(len(x), t)
    loss = lambda slope: score.flow_matching(lambda x, t: slope * x, x, noise, times).mean()  # noqa: B023, E731
    best = -jax.grad(loss)(0.0) / jax.hessian(loss)(0.0)
    covariance = t - (1 - t) + correlation * (1 - 2 * t)
    variance = (1 - t) ** 2 + t**2 + 2 * correlation * t * (1 - t)
    np.testing.assert_allclose(best, covariance / variance, atol=0.02)


def test_arguments_that_do_not_fit_are_named():
  x, t = jnp.ones((3, 2)), jnp.ones(3)
  identity = lambda x, t: x  # noqa: E731
  cases = {
    'noise has shape': lambda: score.flow_matching(identity, x, x[:, :1], t),
    't must be of rank 1': lambda: score.flow_matching(identity, x, x, x),
    'velocity has shape': lambda: score.flow_matching(lambda x, t: x[:, :1], x, x, t),
  }
  for words, call in cases.items():
    with pytest.raises(ValueError, match=words):
      call()
