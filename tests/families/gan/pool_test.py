import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.errors import UserError
from jaxgen.families.gan import pool
from jaxgen.types import DATA_AXIS


@jax.jit
def exchanged(kept, rng, newest):
  """On as many devices as `newest`, f32[N, B, H, W, C], is of; the pool comes back as one, so all know the same."""
  keys = jax.random.split(rng, len(newest))
  on_devices = jax.vmap(
    pool.exchanged, in_axes=(None, 0, 0), out_axes=(0, None), axis_name=DATA_AXIS, axis_size=len(newest)
  )
  return on_devices(kept, keys, newest)


def images(*shape, first=1):
  """Images of one pixel, each with a number of its own."""
  return jnp.arange(first, first + np.prod(shape), dtype=jnp.float32).reshape(*shape, 1, 1, 1)


def numbers(of):
  return np.asarray(of).ravel().astype(int)


def test_translations_fill_the_pool_first_and_are_shown_as_they_are():
  kept = pool.empty(5, (1, 1, 1))
  shown, kept = exchanged(kept, jax.random.key(0), images(1, 3))
  np.testing.assert_array_equal(numbers(shown), [1, 2, 3])
  assert int(kept['filled']) == 3
  np.testing.assert_array_equal(numbers(kept['images']), [1, 2, 3, 0, 0])
  _, kept = exchanged(kept, jax.random.key(1), images(1, 2, first=4))
  assert (int(kept['filled']), sorted(numbers(kept['images']))) == (5, [1, 2, 3, 4, 5])


@pytest.mark.parametrize('devices', [1, 4])
def test_once_full_one_in_two_is_exchanged_and_none_is_lost_or_doubled(devices):
  kept = pool.empty(40, (1, 1, 1))
  _, kept = exchanged(kept, jax.random.key(0), images(devices, 40 // devices))
  earlier = 0
  for step in range(1, 11):
    newest = images(devices, 40 // devices, first=40 * step + 1)
    before = numbers(kept['images'])
    shown, kept = exchanged(kept, jax.random.key(step), newest)
    after = np.concatenate([numbers(shown), numbers(kept['images'])])
    assert sorted(after) == sorted(np.concatenate([numbers(newest), before]))
    earlier += (numbers(shown) != numbers(newest)).sum()
  assert 160 < earlier < 240  # of 400; six standard deviations are 60


def test_a_device_shows_what_it_has_made_itself():
  kept, made = pool.empty(10, (1, 1, 1)), [set(), set(), set()]
  for step in range(8):
    newest = images(3, 2, first=6 * step + 1)
    shown, kept = exchanged(kept, jax.random.key(step), newest)
    for device in range(3):
      made[device] |= set(numbers(newest[device]))
      assert set(numbers(shown[device])) <= made[device]
  for place, number in enumerate(numbers(kept['images'])):
    assert number in made[place % 3]


def test_a_run_goes_on_with_another_number_of_devices():
  kept = pool.empty(9, (1, 1, 1))
  _, kept = exchanged(kept, jax.random.key(0), images(4, 1))
  assert (int(kept['filled']), list(numbers(kept['images'])[:5])) == (4, [1, 2, 3, 4, 0])
  _, kept = exchanged(kept, jax.random.key(1), images(2, 3, first=5))  # device 0 has 5 places, and 1 has 4
  assert int(kept['filled']) == 9
  assert 0 not in numbers(kept['images'])


def test_a_pool_without_a_place_for_each_device_is_refused():
  with pytest.raises(UserError, match='pool=3 has not a place for each of 4 devices'):
    exchanged(pool.empty(3, (1, 1, 1)), jax.random.key(0), images(4, 1))
