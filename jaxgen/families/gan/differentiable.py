"""Differentiable augmentation of images (Zhao et al., "Differentiable augmentation for data-efficient GAN training",
2020, section 4.1): each example is changed by draws of its own, and the gradient goes through."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.families.gan.augmentation import Augmentation, fixed
from jaxgen.types import PRNGKey


def color(rng: PRNGKey, x: jax.Array) -> jax.Array:
  """Brightness, saturation and contrast, one after the other.

  Brightness adds U[-0.5, 0.5); saturation stretches the colors about the grey of each pixel by U[0, 2); contrast
  stretches an image about its mean by U[0.5, 1.5).

  Args:
    rng: key of the draws.
    x: f32[B, H, W, C], in [-1, 1]; what comes out may leave that.

  Returns:
    f32[B, H, W, C].
  """
  brightness, saturation, contrast = jax.random.uniform(rng, (3, x.shape[0], 1, 1, 1), x.dtype)
  x = x + brightness - 0.5
  grey = x.mean(-1, keepdims=True)
  x = grey + 2 * saturation * (x - grey)
  mean = x.mean((1, 2, 3), keepdims=True)
  return mean + (contrast + 0.5) * (x - mean)


def translation(rng: PRNGKey, x: jax.Array, *, ratio: float = 0.125) -> jax.Array:
  """Moves an image by whole pixels, zeros coming in: at most by `ratio` of its side, either way on either axis.

  Args:
    rng: key of the draws.
    x: f32[B, H, W, C].
    ratio: of the side, rounded to pixels.

  Returns:
    f32[B, H, W, C].
  """
  most = [int(side * ratio + 0.5) for side in x.shape[1:3]]
  padded = jnp.pad(x, ((0, 0), (most[0], most[0]), (most[1], most[1]), (0, 0)))
  starts = [
    jax.random.randint(key, (x.shape[0],), 0, 2 * pixels + 1)
    for key, pixels in zip(jax.random.split(rng), most, strict=True)
  ]
  return jax.vmap(lambda image, top, left: lax.dynamic_slice(image, (top, left, 0), x.shape[1:]))(
    padded, *starts
  )


def cutout(rng: PRNGKey, x: jax.Array, *, ratio: float = 0.5) -> jax.Array:
  """Zeros in a rectangle of `ratio` of the sides, about any pixel; what is beyond the edge is lost.

  Args:
    rng: key of the draws.
    x: f32[B, H, W, C].
    ratio: of the sides, rounded to pixels.

  Returns:
    f32[B, H, W, C].
  """
  inside = jnp.ones((x.shape[0], 1, 1), bool)
  for axis, key in enumerate(jax.random.split(rng)):
    side = x.shape[1 + axis]
    size = int(side * ratio + 0.5)
    # An even one has its middle between two pixels, so there is a place more for it.
    start = jax.random.randint(key, (x.shape[0], 1), 0, side + 1 - size % 2) - size // 2
    place = jnp.arange(side)
    inside &= jnp.expand_dims((start <= place) & (place < start + size), 2 - axis)
  return jnp.where(inside[..., None], 0.0, x)


POLICIES: dict[str, Callable[[PRNGKey, jax.Array], jax.Array]] = {
  'color': color,
  'translation': translation,
  'cutout': cutout,
}


def differentiable(policies: Sequence[str]) -> Augmentation:
  """These of `POLICIES`, one after the other, at every step.

  Raises:
    KeyError: if there is no policy of a name.
  """
  chosen = [POLICIES[name] for name in policies]

  def augment(rng, x):
    for index, policy in enumerate(chosen):
      x = policy(jax.random.fold_in(rng, index), x)
    return x

  return fixed(augment)
