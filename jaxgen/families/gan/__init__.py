"""Adversarial networks: a family function and its slots, one file each; the losses are `jaxgen.losses.gan`."""

from jaxgen.families.gan.augmentation import Augmentation, fixed, no_augmentation
from jaxgen.families.gan.cycle import cycle_gan
from jaxgen.families.gan.differentiable import POLICIES, differentiable
from jaxgen.families.gan.family import gan
from jaxgen.families.gan.growth import Growth, growing
from jaxgen.families.gan.latents import Latents, normal, truncated_normal
from jaxgen.families.gan.path_length import path_length_penalty
from jaxgen.families.gan.penalty import Penalty
from jaxgen.families.gan.vaegan import vae_gan
from jaxgen.families.gan.verdict import heads, projected, spoken

__all__ = [
  'POLICIES',
  'Augmentation',
  'Growth',
  'Latents',
  'Penalty',
  'cycle_gan',
  'differentiable',
  'fixed',
  'gan',
  'growing',
  'heads',
  'no_augmentation',
  'normal',
  'path_length_penalty',
  'projected',
  'spoken',
  'truncated_normal',
  'vae_gan',
]
