"""The maximum mean discrepancy of two sets of vectors, and the objective that draws latents to the prior by it.

A kernel takes squared distances, f32[...], and the square of a length that they are measured by; 1 at a distance of 0.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgen.losses._checks import check_per_example, check_rank
from jaxgen.losses._finite import in_float32

# (squared distances f32[...], squared length) -> f32[...]
Kernel = Callable[[jax.Array, float], jax.Array]


def gaussian_kernel(squared_distance: jax.Array, squared_length: float) -> jax.Array:
  """exp(-r^2 / h^2)."""
  return jnp.exp(-squared_distance / squared_length)


def inverse_multiquadratic_kernel(squared_distance: jax.Array, squared_length: float) -> jax.Array:
  """h^2 / (h^2 + r^2): its tails are heavy, so that far latents are still drawn near (Tolstikhin et al., "Wasserstein
  auto-encoders", 2018, section 4)."""
  return squared_length / (squared_length + squared_distance)


KERNELS: dict[str, Kernel] = {
  'gaussian': gaussian_kernel,
  'inverse_multiquadratic': inverse_multiquadratic_kernel,
}


def squared_mmd(
  x: jax.Array, y: jax.Array, *, kernel: Kernel = gaussian_kernel, squared_length: float | None = None
) -> jax.Array:
  """The squared maximum mean discrepancy of two sets, never negative: mean k(x, x') + mean k(y, y') - 2 mean k(x, y).

  Gretton et al., "A kernel two-sample test" (2012), equation 5, the biased estimate: pairs of a vector with itself
  count. It is zero of equal sets, and there is one of a single vector.

  Args:
    x: f32[N, D].
    y: f32[M, D].
    kernel: see above.
    squared_length: h^2, positive; by default 2 D, the mean squared distance of two draws of N(0, I).

  Returns:
    f32[].

  Raises:
    ValueError: if the sets are not of rank 2, or not of vectors of one length.
  """
  xx, yy, xy = _similarities(x, y, kernel, squared_length)
  return xx.mean() + yy.mean() - 2 * xy.mean()


def unbiased_squared_mmd(
  x: jax.Array, y: jax.Array, *, kernel: Kernel = gaussian_kernel, squared_length: float | None = None
) -> jax.Array:
  """The same without pairs of a vector with itself: of the right mean, and now and then negative.

  Gretton et al. (2012), equation 3.

  Args:
    x: f32[N, D], with N at least 2.
    y: f32[M, D], with M at least 2.
    kernel: see above.
    squared_length: as of `squared_mmd`.

  Returns:
    f32[].

  Raises:
    ValueError: as `squared_mmd`, or if a set holds but one vector.
  """
  if min(len(x), len(y)) < 2:
    raise ValueError(f'an unbiased discrepancy needs 2 vectors of each kind, not {len(x)} and {len(y)}.')
  xx, yy, xy = _similarities(x, y, kernel, squared_length)
  return _mean_of_pairs(xx) + _mean_of_pairs(yy) - 2 * xy.mean()


def infovae(
  *, reconstruction: jax.Array, kl: jax.Array, divergence: jax.Array, alpha: float, lambda_: float
) -> jax.Array:
  """-log p(x|z) + (1 - alpha) KL(q(z|x) || p(z)) + (alpha + lambda - 1) D(q(z) || p(z)).

  Zhao et al., "InfoVAE: Balancing learning and inference in variational autoencoders" (2019), equation 6, of which it
  is minus the value; their D is, as here, the squared maximum mean discrepancy of a batch (section 3.2). alpha = 0 and
  lambda = 1 are the evidence lower bound, alpha + lambda = 1 a beta-VAE; at alpha = 1 no KL is left.

  Args:
    reconstruction: f32[B], -log p(x|z), nats.
    kl: f32[B], nats.
    divergence: f32[], of the latents of the batch as a whole.
    alpha: at most 1.
    lambda_: at least 1 - alpha.

  Returns:
    f32[B].

  Raises:
    ValueError: if the terms are not one number per example each, or a divergence would be weighed by less than 0.
  """
  check_per_example(reconstruction=reconstruction, kl=kl)
  check_rank(0, divergence=divergence)
  if not (alpha <= 1 <= alpha + lambda_):
    raise ValueError(
      f'alpha={alpha:g} and lambda={lambda_:g} weigh the divergences by {1 - alpha:g} and {alpha + lambda_ - 1:g}, of '
      'which neither may be negative: alpha is at most 1, and lambda at least 1 - alpha.'
    )
  return reconstruction + (1 - alpha) * kl + (alpha + lambda_ - 1) * divergence


def _similarities(x, y, kernel, squared_length):
  check_rank(2, x=x, y=y)
  if x.shape[1] != y.shape[1]:
    raise ValueError(f'y has vectors of {y.shape[1]} numbers, but x of {x.shape[1]}.')
  x, y = in_float32(x, y)
  squared_length = 2 * x.shape[1] if squared_length is None else squared_length
  return tuple(kernel(_squared_distances(*pair), squared_length) for pair in ((x, x), (y, y), (x, y)))


def _squared_distances(x, y):
  """f32[N, M]. By differences: squares of norms would cancel, and their rest could be negative."""
  return jnp.square(x[:, None] - y[None]).sum(-1)


def _mean_of_pairs(similarities):
  num = len(similarities)
  return (similarities.sum() - jnp.trace(similarities)) / (num * (num - 1))
