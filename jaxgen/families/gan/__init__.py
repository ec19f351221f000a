"""Adversarial networks: a family function and its slots, one file each; the losses are `jaxgen.losses.gan`."""

from jaxgen.families.gan.augmentation import Augmentation, fixed, no_augmentation
from jaxgen.families.gan.cycle import cycle_gan
from jaxgen.families.gan.family import gan
from jaxgen.families.gan.penalty import Penalty

__all__ = ['Augmentation', 'Penalty', 'cycle_gan', 'fixed', 'gan', 'no_augmentation']
