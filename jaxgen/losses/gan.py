"""Adversarial losses: functions of logits, one number per example.

A discriminator's logits are `f32[B]`, or `f32[B, ...]` where it judges patches; patches are averaged, so
every function here returns `f32[B]` and leaves the reduction to the caller. `D` is the logit, large for
what the discriminator takes for real; `p = sigmoid(D)`. What the discriminator and the generator minimize
are two functions; a `GanLoss` pairs them (`hinge`, `non_saturating`, ...), and `LOSSES` lists the pairs. Real and
generated are arrays of one shape, so they are given by name.

Penalties take the discriminator as a function `critic: f32[B, ...] -> f32[B]` of its input.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.losses._checks import check_batched, check_same_shape
from jaxgen.types import PRNGKey


class GanLoss(NamedTuple):
  """A game: what each player minimizes.

  Attributes:
    discriminator: `(*, real_logits, fake_logits) -> f32[B]`; both by name.
    generator: the same; most look at the generated examples alone.
  """

  discriminator: Callable[..., jax.Array]
  generator: Callable[..., jax.Array]


def logistic_discriminator(*, real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
  """`-log p(real) - log(1 - p(fake))`, in nats (Goodfellow et al. 2014, equation 1, negated).

  Where the discriminator cannot tell (`D = 0`) it is `2 log 2 = 1.386`.
  """
  check_same_shape(real_logits=real_logits, fake_logits=fake_logits)
  return _per_example(jax.nn.softplus(-real_logits)) + _per_example(jax.nn.softplus(fake_logits))


def non_saturating_generator(fake_logits: jax.Array) -> jax.Array:
  """`-log p(fake)`, in nats: no vanishing gradient at `p = 0` (Goodfellow et al. 2014, section 3)."""
  return _per_example(jax.nn.softplus(-fake_logits))


def minimax_generator(fake_logits: jax.Array) -> jax.Array:
  """`log(1 - p(fake))`, in nats: its half of the zero-sum game (Goodfellow et al. 2014, equation 1)."""
  return -_per_example(jax.nn.softplus(fake_logits))


def hinge_discriminator(*, real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
  """`max(0, 1 - D(real)) + max(0, 1 + D(fake))` (Lim & Ye 2017; Miyato et al. 2018, equation 16)."""
  check_same_shape(real_logits=real_logits, fake_logits=fake_logits)
  return _per_example(jax.nn.relu(1 - real_logits)) + _per_example(jax.nn.relu(1 + fake_logits))


def hinge_generator(fake_logits: jax.Array) -> jax.Array:
  """`-D(fake)` (Lim & Ye 2017; Miyato et al. 2018, equation 17)."""
  return -_per_example(fake_logits)


def wasserstein_discriminator(*, real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
  """`D(fake) - D(real)`: if `D` is 1-Lipschitz, minus a bound on W1 (Arjovsky et al. 2017, equation 2)."""
  check_same_shape(real_logits=real_logits, fake_logits=fake_logits)
  return _per_example(fake_logits) - _per_example(real_logits)


def wasserstein_generator(fake_logits: jax.Array) -> jax.Array:
  """`-D(fake)` (Arjovsky et al. 2017, algorithm 1)."""
  return -_per_example(fake_logits)


def least_squares_discriminator(*, real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
  """`((D(real) - 1)^2 + D(fake)^2) / 2` (Mao et al., "Least squares GAN", 2017, equation 9)."""
  check_same_shape(real_logits=real_logits, fake_logits=fake_logits)
  return (_per_example((real_logits - 1) ** 2) + _per_example(fake_logits**2)) / 2


def least_squares_generator(fake_logits: jax.Array) -> jax.Array:
  """`(D(fake) - 1)^2 / 2` (Mao et al. 2017, equation 9)."""
  return _per_example((fake_logits - 1) ** 2) / 2


def relativistic_discriminator(*, real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
  """`-log sigmoid(D(real) - D(fake))`, in nats: that of a pair the real one is the more real.

  The relativistic standard GAN of Jolicoeur-Martineau, "The relativistic discriminator" (2019). Where the
  discriminator cannot tell the two apart it is `log 2 = 0.693`.
  """
  check_same_shape(real_logits=real_logits, fake_logits=fake_logits)
  return _per_example(jax.nn.softplus(fake_logits - real_logits))


def relativistic_generator(*, real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
  """`-log sigmoid(D(fake) - D(real))`, in nats (Jolicoeur-Martineau 2019)."""
  return relativistic_discriminator(real_logits=fake_logits, fake_logits=real_logits)


def _of_fakes(generator):
  """A generator's loss that looks at the generated examples alone, in the signature of those that look at both."""

  def loss(*, real_logits, fake_logits):
    check_same_shape(real_logits=real_logits, fake_logits=fake_logits)
    return generator(fake_logits)

  return loss


non_saturating = GanLoss(logistic_discriminator, _of_fakes(non_saturating_generator))
minimax = GanLoss(logistic_discriminator, _of_fakes(minimax_generator))
hinge = GanLoss(hinge_discriminator, _of_fakes(hinge_generator))
wasserstein = GanLoss(wasserstein_discriminator, _of_fakes(wasserstein_generator))
least_squares = GanLoss(least_squares_discriminator, _of_fakes(least_squares_generator))
relativistic = GanLoss(relativistic_discriminator, relativistic_generator)

LOSSES = {
  'non_saturating': non_saturating,
  'minimax': minimax,
  'hinge': hinge,
  'wasserstein': wasserstein,
  'least_squares': least_squares,
  'relativistic': relativistic,
}


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
  # The floor keeps the derivative of the square root finite where the critic is flat.
  slope = jnp.sqrt(jnp.maximum(_squared_slope(critic, mix * real + (1 - mix) * fake), 1e-12))
  return (slope - 1) ** 2


# (critic, rng, *, real, fake) -> f32[B]
PENALTIES = {
  'r1': lambda critic, rng, *, real, fake: r1_penalty(critic, real),
  'r2': lambda critic, rng, *, real, fake: r1_penalty(critic, fake),
  'gradient_penalty': gradient_penalty,
}


def _per_example(terms):
  check_batched(logits=terms)
  return terms.reshape(terms.shape[0], -1).mean(1)


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
