"""Adversarial networks: a family function and its slots, one file each; the losses are `jaxgen.losses.gan`."""

from jaxgen.families.gan.augmentation import Augmentation, fixed, no_augmentation
from jaxgen.families.gan.cycle import cycle_gan
from jaxgen.families.gan.differentiable import POLICIES, differentiable
from jaxgen.families.gan.family import gan
from jaxgen.families.gan.penalty import Penalty
from jaxgen.families.gan.vaegan import vae_gan
from jaxgen.families.gan.verdict import heads, projected, spoken

__all__ = [
  'POLICIES',
  'Augmentation',
  'Penalty',
  'cycle_gan',
  'differentiable',
  'fixed',
  'gan',
  'heads',
  'no_augmentation',
  'projected',
  'spoken',
  'vae_gan',
]
