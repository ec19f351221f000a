"""Penalties on the slope of a critic: `f32[B, ...] -> f32[B]`, a function of one example each."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgen.losses._checks import check_batched, check_same_shape
from jaxgen.types import PRNGKey


def r1_penalty(critic: Callable[[jax.Array], jax.Array], x: jax.Array) -> jax.Array:
  """`||grad_x D(x)||^2 / 2` at real data; times gamma it is R1 (Mescheder et al. 2018, equation 9).

  The norm is over all axes of an example. At generated `x` it is R2 (equation 10).

  Args:
    critic: `f32[B, ...] -> f32[B]`, each output a function of its own example (no batch statistics).
    x: f32[B, ...].

  Returns:
    f32[B].

  Raises:
    ValueError: if the critic does not give one number per example.
  """
  return _squared_slope(critic, x) / 2


def gradient_penalty(
  critic: Callable[[jax.Array], jax.Array], rng: PRNGKey, *, real: jax.Array, fake: jax.Array
) -> jax.Array:
  """`(||grad D(x)||_2 - 1)^2` at a random point between a real and a generated example (WGAN-GP).

  `x = e real + (1 - e) fake` with one `e ~ U[0, 1)` per example, the norm over all axes of an example
  (Gulrajani et al. 2017, equation 3 and algorithm 1, where its weight is 10).

  Args:
    critic: `f32[B, ...] -> f32[B]`, each output a function of its own example (no batch statistics).
    rng: key of the mixing weights.
    real: f32[B, ...].
    fake: f32[B, ...].

  Returns:
    f32[B].

  Raises:
    ValueError: if real and fake are not of one shape, or the critic does not give one number per example.
  """
  check_same_shape(real=real, fake=fake)
  mix = jax.random.uniform(rng, (real.shape[0],) + (1,) * (real.ndim - 1))
  return (_slope(critic, mix * real + (1 - mix) * fake) - 1) ** 2


def dragan_penalty(
  critic: Callable[[jax.Array], jax.Array], rng: PRNGKey, real: jax.Array, *, spread: float = 0.5
) -> jax.Array:
  """`(||grad D(x + delta)||_2 - 1)^2` near the data, `delta ~ N(0, c I)` (Kodali et al., "On convergence and stability
  of GANs", 2017, section 2.3, where its weight is 10).

  The root of c is `spread` times the standard deviation of all entries of the batch, so that it means the same whatever
  the scale of the data; the factor of the authors' code is 0.5 (there of uniform noise).

  Args:
    critic: `f32[B, ...] -> f32[B]`, each output a function of its own example (no batch statistics).
    rng: key of the noise.
    real: f32[B, ...].
    spread: of the noise, in standard deviations of the data.

  Returns:
    f32[B].

  Raises:
    ValueError: if the critic does not give one number per example.
  """
  check_batched(real=real)
  noise = spread * real.std() * jax.random.normal(rng, real.shape, real.dtype)
  return (_slope(critic, real + noise) - 1) ** 2


def path_length(synthesize: Callable[[jax.Array], jax.Array], rng: PRNGKey, styles: jax.Array) -> jax.Array:
  """`||J^T y||_2`, of `J` the Jacobian of an image by the styles that it is made of, `y ~ N(0, I)`: how far the image
  moves with the style (Karras et al., "Analyzing and improving the image quality of StyleGAN", 2020, equation 4).

  As in the released code, y is divided by the root of the number of pixels, so that lengths at different resolutions
  are alike, and the squares are averaged over the layers.

  Args:
    synthesize: `f32[B, L, D] -> f32[B, H, W, C]`, each image a function of its own styles.
    rng: key of y.
    styles: w, for each of L layers, f32[B, L, D].

  Returns:
    f32[B].
  """
  check_batched(styles=styles)
  images, pull = jax.vjp(synthesize, styles)
  y = jax.random.normal(rng, images.shape) / math.sqrt(math.prod(images.shape[1:3]))
  (slope,) = pull(y)
  squares = (slope**2).sum(-1).reshape(len(slope), -1).mean(1)
  return jnp.sqrt(jnp.maximum(squares, 1e-12))  # whose derivative is finite at zero too


# (critic, rng, *, real, fake) -> f32[B]
PENALTIES = {
  'r1': lambda critic, rng, *, real, fake: r1_penalty(critic, real),
  'r2': lambda critic, rng, *, real, fake: r1_penalty(critic, fake),
  # both, for the relativistic pair (Huang et al., "The GAN is dead; long live the GAN!", 2024, section 2.3)
  'r1_r2': lambda critic, rng, *, real, fake: r1_penalty(critic, real) + r1_penalty(critic, fake),
  'gradient_penalty': gradient_penalty,
  'dragan': lambda critic, rng, *, real, fake: dragan_penalty(critic, rng, real),
}


def _slope(critic, x):
  """The floor keeps the derivative of the square root finite where the critic is flat."""
  return jnp.sqrt(jnp.maximum(_squared_slope(critic, x), 1e-12))


def _squared_slope(critic, x):
  check_batched(x=x)

  def total(x):
    logits = critic(x)
    if logits.shape != x.shape[:1]:
      raise ValueError(
        f'the critic must give one number per example, f32[{len(x)}], not shape {logits.shape}.'
      )
    return logits.sum()

  # The logits of different examples do not mix, so the gradient of their sum is every example's own.
  gradient = jax.grad(total)(x)
  return (gradient**2).reshape(x.shape[0], -1).sum(1)
