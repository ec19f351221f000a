"""What a whole batch says of the noise of each of its examples."""

import jax
import jax.numpy as jnp

from jaxgen.losses._checks import check_per_example, check_same_shape
from jaxgen.losses.score._sums import spread


def mean_noise(noisy: jax.Array, clean: jax.Array, sigma: jax.Array) -> jax.Array:
  """`E[e | y, {x_1 ... x_B}]` for `y = x + sigma e`, where any example of the batch may have been the x of y.

  `sum_j w_j (y - x_j) / sigma` with `w_j ~ exp(-||y - x_j||^2 / (2 sigma^2))` (Xu, Tong & Jaakkola, "Stable target
  field for reduced variance score estimation in diffusion models", 2023, section 3). Examples of a batch are
  exchangeable, so that this is the mean of the noise given more than y: in place of the noise in
  `jaxgen.losses.score.denoising_error` it leaves the minimizer as it is at every size of a batch, and lessens the
  variance of the gradient, much where the noise reaches from example to example, and not at all where it does not.

  Args:
    noisy: f32[B, ...], y.
    clean: f32[B, ...], the x of each, all of one distribution.
    sigma: f32[B], of each y.

  Returns:
    f32[B, ...]. A step takes memory for B^2 examples where the compiler cannot do without.

  Raises:
    ValueError: if the noisy and the clean are not of one shape, or sigma is not one number per example.
  """
  check_same_shape(noisy=noisy, clean=clean)
  check_per_example(sigma=sigma)
  flat, clean_flat = (x.reshape(len(x), -1) for x in (noisy, clean))
  squares = ((flat[:, None] - clean_flat) ** 2).sum(-1)
  weights = jax.nn.softmax(-squares / (2 * sigma[:, None] ** 2))
  mean = jnp.matmul(weights, clean_flat, precision=jax.lax.Precision.HIGHEST).reshape(clean.shape)
  return (noisy - mean) / spread(sigma, noisy)
