import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.samplers import ancestral, clamped, langevin, resampled, run
from jaxgen.samplers.langevin import LangevinState
from jaxgen.types import Sampler


def test_every_step_begins_with_what_is_observed_as_blurred_as_it_should_be():
  seen = langevin(lambda x: jnp.zeros_like(x), 1e-12)
  x, observed = jnp.full((5000, 2), 3.0), jnp.array([[True, False]])
  sampler = clamped(seen, x, observed, [2.0, 0.5, 0.0])
  trace = lambda state, info: state.position  # noqa: E731
  _, positions = run(sampler, jax.random.key(0), jnp.full((5000, 2), 7.0), 4, trace)
  np.testing.assert_allclose(positions[:, :, 0].std(1), [2.0, 0.5, 0.0, 0.0], rtol=0.05, atol=1e-4)
  np.testing.assert_allclose(positions[:, :, 0].mean(1), 3, atol=0.1)
  np.testing.assert_allclose(positions[:, :, 1], 7, atol=1e-4)


def test_the_noise_is_fresh_and_apart_from_the_samplers_own():
  asked = []

  def step(rng, state):
    asked.append(jax.random.key_data(rng))
    return state, ()

  sampler = clamped(Sampler(LangevinState, step), jnp.zeros((1, 2)), jnp.ones((1, 2), bool), [1.0])
  rngs = jax.random.split(jax.random.key(0), 2)
  first, second = (sampler.step(rng, sampler.init(jnp.zeros((1, 2))))[0].position for rng in rngs)
  assert np.all(np.asarray(first) != second)
  assert np.all(asked[0] != asked[1]) and np.any(asked[0] != jax.random.key_data(rngs[0]))


def test_an_ancestral_draw_hears_of_the_observed_entries_before_it():
  """Each entry copies the one before it, so that an observed one fixes all after it."""

  def predict(x, entry, cache):
    before = jnp.where(entry > 0, x[:, entry - 1], 0)
    return jnp.where(jax.nn.one_hot(before, 3) > 0, 0.0, -jnp.inf), cache

  x = jnp.array([[9, 2, 9, 1, 9]])
  observed = x < 9
  state, _ = run(clamped(ancestral(predict), x, observed), jax.random.key(0), jnp.zeros_like(x), 5)
  np.testing.assert_array_equal(jnp.where(observed, x, state.position), [[0, 2, 2, 1, 1]])


def test_entries_come_in_the_order_asked_for():
  def predict(x, entry, cache):
    # how many entries have been drawn
    return jnp.where(jnp.arange(5) == (x < 9).sum(), 0.0, -jnp.inf)[None], cache

  sampler = ancestral(predict, order=[2, 0, 3, 1])
  state, _ = run(sampler, jax.random.key(0), jnp.full((1, 4), 9), 4)
  np.testing.assert_array_equal(state.position, [[1, 3, 0, 2]])


@pytest.mark.parametrize(
  ('observed', 'words'),
  [
    (np.ones((3, 2), bool), r'must be of its shape, \(3, 2, 4\), or of \(1, 2, 4\) .*, not of \(3, 2\)'),
    (np.ones((2, 2, 4), bool), 'must be of its shape'),
    (np.ones((3, 2, 1), bool), 'must be of its shape'),
    (lambda x: x.mean(-1), r'keeps the shape of x, \(3, 2, 4\), and this one gives \(3, 2\)'),
    (lambda x: x.mean(-1, keepdims=True), 'keeps the shape of x'),
  ],
)
def test_what_is_observed_of_another_shape_is_refused_before_there_is_a_chain(observed, words):
  x, chain = jnp.zeros((3, 2, 4)), langevin(jnp.negative, 0.1)
  for complete in (lambda: clamped(chain, x, observed), lambda: resampled(chain, x, observed, [2.0, 1.0])):
    with pytest.raises(ValueError, match=words):
      complete()
