"""Bounds on log p(x) and their weights, one number per example, in nats."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgen.losses._checks import check_broadcasts, check_per_example, check_rank, check_same_shape
from jaxgen.losses._finite import in_float32


def monte_carlo_kl(*, log_q: jax.Array, log_p: jax.Array) -> jax.Array:
  """1/K sum_k (log q(z_k) - log p(z_k)) for z_k ~ q: unbiased for KL(q || p), for whatever has a density.

  Kingma & Welling, "Auto-encoding variational Bayes" (2014), section 2.3, equation 6. One value may be negative.

  Args:
    log_q: f32[K, B].
    log_p: f32[K, B].

  Returns:
    f32[B], nats.

  Raises:
    ValueError: if the shapes differ, or are not of rank 2.
  """
  check_same_shape(log_q=log_q, log_p=log_p)
  check_rank(2, log_q=log_q)
  log_q, log_p = in_float32(log_q, log_p)
  return (log_q - log_p).mean(0)


def negative_elbo(
  *,
  reconstruction: jax.Array,
  kl: jax.Array,
  reconstruction_weight: jax.Array | float = 1.0,
  kl_weight: jax.Array | float = 1.0,
) -> jax.Array:
  """lambda_1 reconstruction + lambda_2 kl.

  With both weights 1 this is minus the evidence lower bound (Kingma & Welling 2014, equation 3); lambda_2 is
  the beta of Higgins et al., "beta-VAE" (2017), equation 4.

  Args:
    reconstruction: f32[B], -log p(x|z).
    kl: f32[B].
    reconstruction_weight: lambda_1, a number or f32[].
    kl_weight: lambda_2 = beta, a number or f32[].

  Returns:
    f32[B], nats.

  Raises:
    ValueError: if the terms are not one number per example each, or the weights one for all or for each.
  """
  check_per_example(reconstruction=reconstruction, kl=kl)
  check_broadcasts(kl, reconstruction_weight=reconstruction_weight, kl_weight=kl_weight)
  return reconstruction_weight * reconstruction + kl_weight * kl


def importance_weighted_bound(log_weights: jax.Array) -> jax.Array:
  """log(1/K sum_k w_k): a lower bound on log p(x) that tightens as K grows.

  Burda et al., "Importance weighted autoencoders" (2016), equation 8; K = 1 is the evidence lower bound.

  Args:
    log_weights: f32[K, B], `log p(x, z_k) - log q(z_k|x)` for `z_k ~ q(z|x)`.

  Returns:
    f32[B], nats.

  Raises:
    ValueError: if the weights are not of rank 2.
  """
  check_rank(2, log_weights=log_weights)
  return jax.nn.logsumexp(log_weights.astype(jnp.float32), axis=0) - math.log(log_weights.shape[0])


def doubly_reparameterized(z: jax.Array, kl_weight: jax.Array | float = 1.0) -> tuple[jax.Array, jax.Array]:
  """The draws, and zeros that make the gradient through them that of the DReG estimator.

  Tucker et al., "Doubly reparameterized gradient estimators for Monte Carlo objectives" (2019), equation 8, here of
  log-weights `log w_k = lambda log p(x|z_k) + beta (log p(z_k) - log q(z_k|x))`: with `v_k = w_k / sum_j w_j`, what
  phi, the parameters of q, are learned by is

      grad_phi E[importance_weighted_bound] = E[sum_k v_k (1 - beta (1 - v_k)) (d log w_k / d z_k) (d z_k / d phi)],

  without the score of q, whose variance grows with K against the signal. The score comes with -beta v_k, and their
  equation 5 has d v_k / d z_k = v_k (1 - v_k) d log w_k / d z_k in its place; at beta = 1 what is left is v_k^2, as
  they write it. So do the zeros: added to the log-weights, they learn v_k from the bound, and weigh by
  1 - beta (1 - v_k) what comes back to z_k; all other parameters learn by v_k, as they did. The score is left out by
  whoever makes the log-weights:

      z, zeros = doubly_reparameterized(reparameterize(rng, mean=mean, log_var=log_var).reshape(K, B, D))
      log_weights = log_p(x, z) - log_q(z, *stop_gradient((mean, log_var))) + zeros
      loss = -importance_weighted_bound(log_weights)

  Args:
    z: f32[K, B, ...], reparameterized draws of q(z|x); K = 1 leaves their gradient as it is.
    kl_weight: beta, what weighs log q in the log-weights, a number or f32[], by which nothing is learned.

  Returns:
    z itself, and zeros f32[K, B].

  Raises:
    ValueError: if z has no axes of draws and of examples.
  """
  if jnp.ndim(z) < 2:
    raise ValueError(f'z must have axes of draws and of examples, not the shape {jnp.shape(z)}.')
  flat, zeros = dreg_draw(z.reshape(-1, *z.shape[2:]))
  return flat.reshape(z.shape), dreg_zeros(zeros.reshape(z.shape[:2]), kl_weight)


@jax.custom_vjp
def dreg_draw(z: jax.Array) -> tuple[jax.Array, jax.Array]:
  """The part of `doubly_reparameterized` that is of each draw alone, for draws that are made one after the other.

  Of no use without `dreg_zeros`, which takes the zeros of all draws before anything is added to them: without it the
  gradient of z is multiplied by whatever comes back to the zeros.

  Args:
    z: f32[B, ...].

  Returns:
    z itself, and zeros f32[B].

  Raises:
    ValueError: if z has no axis of examples.
  """
  if not jnp.ndim(z):
    raise ValueError('z must have an axis of examples.')
  return z, jnp.zeros(z.shape[:1], jnp.float32)


def _multiplied(residuals, cotangents):
  del residuals
  of_z, of_zeros = cotangents
  return (of_z * of_zeros.reshape(of_zeros.shape + (1,) * (of_z.ndim - 1)),)


dreg_draw.defvjp(lambda z: (dreg_draw(z), None), _multiplied)


@jax.custom_vjp
def dreg_zeros(zeros: jax.Array, kl_weight: jax.Array | float = 1.0) -> jax.Array:
  """The part of `doubly_reparameterized` that is of all draws together.

  Args:
    zeros: f32[K, B], those of `dreg_draw` of each.
    kl_weight: as of `doubly_reparameterized`.

  Returns:
    The zeros to add to the log-weights, f32[K, B].

  Raises:
    ValueError: if they are not of rank 2.
  """
  del kl_weight
  check_rank(2, zeros=zeros)
  return zeros


def _factors(kl_weight, of_zeros):
  # whatever weighs an example in the loss weighs all its draws alike, and an example of no weight has no gradient
  total = of_zeros.sum(0)
  weights = of_zeros / jnp.where(total == 0, 1.0, total)
  return 1 - kl_weight * (1 - weights), jnp.zeros_like(kl_weight)


dreg_zeros.defvjp(lambda zeros, kl_weight: (dreg_zeros(zeros, kl_weight), kl_weight), _factors)


def free_bits(kl: jax.Array, floor: jax.Array | float) -> jax.Array:
  """sum_j max(floor, mean over examples of kl_j): a divergence of which each group has `floor` nats for nothing.

  Kingma et al., "Improving variational inference with inverse autoregressive flow" (2016), equation 15, which averages
  over the examples of a minibatch, here those of one device. A group below the floor is left at it, and has no
  gradient; of one above it every example keeps its own divergence, so that the mean over them is the sum above.

  Args:
    kl: f32[B, G], the divergence of each group of latents, in nats.
    floor: lambda of the equation, nats per group, at least 0.

  Returns:
    f32[B], nats.

  Raises:
    ValueError: if the divergence is not of rank 2.
  """
  check_rank(2, kl=kl)
  kl, floor = in_float32(kl, floor)
  return jnp.where(kl.mean(0) > floor, kl, floor).sum(1)


def kl_warmup(num_steps: int) -> Callable[[jax.Array | int], jax.Array]:
  """A schedule `step -> weight` that rises from 0 to 1 in a line and stays there.

  Bowman et al., "Generating sentences from a continuous space" (2016), section 3.1; Sonderby et al., "Ladder
  variational autoencoders" (2016), section 2.3.

  Args:
    num_steps: the length of the rise; the weight is always 1 where it is 0.

  Returns:
    A function of the step that gives f32[].

  Raises:
    ValueError: if `num_steps` is negative.
  """
  if num_steps < 0:
    raise ValueError(f'num_steps must not be negative, but is {num_steps}.')

  def weight(step):
    return jnp.minimum(1.0, jnp.asarray(step, jnp.float32) / num_steps) if num_steps else jnp.float32(1.0)

  return weight
