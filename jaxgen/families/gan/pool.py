"""Earlier translations, which a discriminator sees beside the newest."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.errors import UserError
from jaxgen.types import DATA_AXIS, PRNGKey

# `images`, f32[size, *shape], and how many of them are `filled`, i32[], the first ones.
Pool = Mapping[str, jax.Array]


def empty(size: int, shape: tuple[int, ...]) -> Pool:
  """One for so many images."""
  return {'images': jnp.zeros((size, *shape)), 'filled': jnp.zeros((), jnp.int32)}


def exchanged(pool: Pool, rng: PRNGKey, newest: jax.Array) -> tuple[jax.Array, Pool]:
  """What a discriminator is shown in place of the newest translations, f32[B, *shape], and the pool after it.

  One after the other they fill the pool; then each is, one time in two, kept in the place of one that was there, which
  is shown instead (Zhu et al., "Unpaired image-to-image translation using cycle-consistent adversarial networks", 2017,
  section 4, after Shrivastava et al., "Learning from simulated and unsupervised images through adversarial training",
  2017, section 2.3).

  Of n devices, device i has a pool of its own, the places i, i + n, i + 2n, ..., so that a run may go on with another
  number of them. Every device then has all places.

  Raises:
    UserError: if the pool has not a place for each device.
  """
  devices, size = lax.axis_size(DATA_AXIS), len(pool['images'])
  if size < devices:
    raise UserError(f'config.model.pool={size} has not a place for each of {devices} devices; raise it.')
  # A device that is alone needs no number, of which all that follows would be a batch of one.
  device = lax.axis_index(DATA_AXIS) if devices > 1 else 0
  places, filled = _share(size, device, devices), _share(pool['filled'], device, devices)

  def offer(images_and_filled, newest_and_rng):
    (images, filled), (newest, rng) = images_and_filled, newest_and_rng
    swap_rng, place_rng = jax.random.split(rng)
    is_full, swaps = filled == places, jax.random.bernoulli(swap_rng)
    turn = jnp.where(is_full, jax.random.randint(place_rng, (), 0, places), filled)
    place = device + devices * turn
    earlier = images[place]
    shown = jnp.where(is_full & swaps, earlier, newest)
    images = images.at[place].set(jnp.where(is_full & ~swaps, earlier, newest))
    return (images, jnp.minimum(filled + 1, places)), shown

  keys = jax.random.split(rng, len(newest))
  (images, _), shown = lax.scan(offer, (pool['images'], filled), (newest, keys))
  own = jnp.arange(size) % devices == device
  images = lax.psum(jnp.where(own.reshape(-1, *[1] * (images.ndim - 1)), images, 0.0), DATA_AXIS)
  return shown, {'images': images, 'filled': jnp.minimum(pool['filled'] + devices * len(newest), size)}


def _share(num, device, devices):
  """How many of the first `num` places are those of a device."""
  return (num - device + devices - 1) // devices
