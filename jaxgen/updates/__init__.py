"""Training transforms: small `Update`s that compose, as optax composes gradient transformations.

A variational autoencoder is `chain(minimize(loss, tx), ema(0.999))`. A GAN whose generator moves, and is averaged, at
every fifth step is

    alternate(
      minimize(d_loss, tx_d, wrt='discriminator'),
      chain(minimize(g_loss, tx_g, wrt='generator'), ema(0.999, wrt='generator')),
      periods=(1, 5),
    )

`alternate` sits one level above optax because optax receives finished gradients: with optax alone both
players' backward passes would run at every step, on the same old parameters.

A lazy penalty (R1 at every 16th step, 16 times as heavy) is a term of the discriminator's loss, which one optimizer
then sees in proportion: `scheduled(lambda step: minimize(d_loss_with_r1_at(step), tx_d, wrt='discriminator'))`, where
the loss adds `lax.cond(step % 16 == 0, ...)`. As an `every(16, minimize(r1, ...))` with an optimizer of its own it
would lose its weight: Adam divides by the size of the gradients.
"""

from jaxgen.updates.accumulation import Slices, accumulated
from jaxgen.updates.averages import AVERAGED, EmaState, averaged_extra, averaged_params, ema
from jaxgen.updates.composition import alternate, chain, every, repeat, scheduled
from jaxgen.updates.minimization import POOL, means, minimize, ratio
from jaxgen.updates.orthogonality import orthogonal_regularization
from jaxgen.updates.projection import clipped, project

__all__ = [
  'AVERAGED',
  'POOL',
  'EmaState',
  'Slices',
  'accumulated',
  'alternate',
  'averaged_extra',
  'averaged_params',
  'chain',
  'clipped',
  'ema',
  'every',
  'means',
  'minimize',
  'orthogonal_regularization',
  'project',
  'ratio',
  'repeat',
  'scheduled',
]
