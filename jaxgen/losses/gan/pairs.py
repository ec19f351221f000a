"""Losses of logits alone, a pair for each game."""

from collections.abc import Callable
from typing import NamedTuple

import jax

from jaxgen.losses._checks import check_batched, check_same_shape

_LOGITS = ('real_logits', 'fake_logits')


class GanLoss(NamedTuple):
  """A game: what each player minimizes.

  Attributes:
    discriminator: `(*, real_logits, fake_logits, ...) -> f32[B]`, all that it `needs`, by name.
    generator: the same; most look at the generated examples alone.
    needs: names of arguments, `real_<what>` or `fake_<what>`. What a discriminator may say of an example is its
      `logits`, f32[B, ...], `classes`, the logits f32[B, K] of K classes, and `features`, f32[B, ...]; `labels`,
      i32[B], are its true class, or that which it was generated for.
    boundary: the logit above which an example counts as taken for real; None where only differences of logits mean
      something.
  """

  discriminator: Callable[..., jax.Array]
  generator: Callable[..., jax.Array]
  needs: tuple[str, ...] = _LOGITS
  boundary: float | None = 0.0


def logistic_discriminator(*, real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
  """`-log p(real) - log(1 - p(fake))`, in nats (Goodfellow et al. 2014, equation 1, negated).

  Where the discriminator cannot tell (`D = 0`) it is `2 log 2 = 1.386`.
  """
  check_same_shape(real_logits=real_logits, fake_logits=fake_logits)
  return per_example(jax.nn.softplus(-real_logits)) + per_example(jax.nn.softplus(fake_logits))


def non_saturating_generator(fake_logits: jax.Array) -> jax.Array:
  """`-log p(fake)`, in nats: no vanishing gradient at `p = 0` (Goodfellow et al. 2014, section 3)."""
  return per_example(jax.nn.softplus(-fake_logits))


def minimax_generator(fake_logits: jax.Array) -> jax.Array:
  """`log(1 - p(fake))`, in nats: its half of the zero-sum game (Goodfellow et al. 2014, equation 1)."""
  return -per_example(jax.nn.softplus(fake_logits))


def hinge_discriminator(*, real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
  """`max(0, 1 - D(real)) + max(0, 1 + D(fake))` (Lim & Ye 2017; Miyato et al. 2018, equation 16)."""
  check_same_shape(real_logits=real_logits, fake_logits=fake_logits)
  return per_example(jax.nn.relu(1 - real_logits)) + per_example(jax.nn.relu(1 + fake_logits))


def hinge_generator(fake_logits: jax.Array) -> jax.Array:
  """`-D(fake)` (Lim & Ye 2017; Miyato et al. 2018, equation 17)."""
  return -per_example(fake_logits)


def wasserstein_discriminator(*, real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
  """`D(fake) - D(real)`: if `D` is 1-Lipschitz, minus a bound on W1 (Arjovsky et al. 2017, equation 2)."""
  check_same_shape(real_logits=real_logits, fake_logits=fake_logits)
  return per_example(fake_logits) - per_example(real_logits)


def wasserstein_generator(fake_logits: jax.Array) -> jax.Array:
  """`-D(fake)` (Arjovsky et al. 2017, algorithm 1)."""
  return -per_example(fake_logits)


def least_squares_discriminator(*, real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
  """`((D(real) - 1)^2 + D(fake)^2) / 2` (Mao et al., "Least squares GAN", 2017, equation 9)."""
  check_same_shape(real_logits=real_logits, fake_logits=fake_logits)
  return (per_example((real_logits - 1) ** 2) + per_example(fake_logits**2)) / 2


def least_squares_generator(fake_logits: jax.Array) -> jax.Array:
  """`(D(fake) - 1)^2 / 2` (Mao et al. 2017, equation 9)."""
  return per_example((fake_logits - 1) ** 2) / 2


def relativistic_discriminator(*, real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
  """`-log sigmoid(D(real) - D(fake))`, in nats: that of a pair the real one is the more real.

  The relativistic standard GAN of Jolicoeur-Martineau, "The relativistic discriminator" (2019), which with R1 and R2 is
  R3GAN (Huang et al., "The GAN is dead; long live the GAN!", 2024, equation 2). Where the discriminator cannot tell the
  two apart it is `log 2 = 0.693`.
  """
  check_same_shape(real_logits=real_logits, fake_logits=fake_logits)
  return per_example(jax.nn.softplus(fake_logits - real_logits))


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
wasserstein = GanLoss(wasserstein_discriminator, _of_fakes(wasserstein_generator), boundary=None)
least_squares = GanLoss(least_squares_discriminator, _of_fakes(least_squares_generator), boundary=0.5)
relativistic = GanLoss(relativistic_discriminator, relativistic_generator, boundary=None)

PAIRS = {
  'non_saturating': non_saturating,
  'minimax': minimax,
  'hinge': hinge,
  'wasserstein': wasserstein,
  'least_squares': least_squares,
  'relativistic': relativistic,
}


def per_example(terms: jax.Array) -> jax.Array:
  """The mean over the patches of each example, f32[B] of f32[B, ...]."""
  check_batched(logits=terms)
  return terms.reshape(terms.shape[0], -1).mean(1)
