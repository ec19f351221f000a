"""SAGAN on CIFAR-10 (Zhang et al. 2019: self-attention, spectral norm in both networks, labels by projection).

    python -m jaxgen.main --config=configs/sagan_cifar.py

The networks are those of their table for 128x128, ended early, with attention at half the side; one discriminator step
per generator step, at four times its rate. Zhang et al. report numbers on ImageNet alone.

Not run to the end, which two CPU cores cannot; `--mode=plan` tells what it takes on your device.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.gan.sagan'
  config.data.name = 'tfds:cifar10'
  config.given = ('label',)
  config.model = ConfigDict(
    dict(
      generator_width=64,
      discriminator_width=64,
      attention=16,  # the side of its images; 0: none
      latent_dim=128,
      loss='hinge',
      classifier_weight=0.0,  # AC-GAN
      discriminator_steps=1,  # per generator step
      penalty='',
      penalty_weight=0.0,
      penalty_period=1,
      weight_clip=0.0,  # WGAN
      augmentation='',  # color, translation, cutout: any, with commas
    )
  )
  config.optimizer = optimizer(learning_rate=1e-4, b1=0.0, b2=0.9)
  config.discriminator_optimizer = optimizer(learning_rate=4e-4, b1=0.0, b2=0.9)
  config.batch_size = 64
  config.num_steps = 100_000
  config.log_every = 100
  config.eval_every = 2000
  config.sample_every = 1000
  config.checkpoint_every = 1000
  return preset(
    config, arg, image_size=16, attention=8, latent_dim=8, generator_width=4, discriminator_width=4
  )
