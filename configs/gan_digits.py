"""A convolutional GAN on scikit-learn's digits (after Radford et al. 2016; non-saturating loss, R1).

    python -m jaxgen.main --config=configs/gan_digits.py

On 2 CPU cores: 1 minute, a Fréchet distance to held-out digits of 6.2 (300 of them; see experiments/digits). A GAN
has no likelihood: look at the grids, and at `variety`, which stays near 1 unless the generator collapses.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.gan.dcgan'
  config.model = ConfigDict(
    dict(
      latent_dim=32,
      generator_width=32,
      discriminator_width=32,
      batch_norm=True,
      spectral_norm=False,
      loss='non_saturating',  # non_saturating, hinge, wasserstein ...: jaxgen.losses.gan.LOSSES
      classifier_weight=0.0,  # AC-GAN
      discriminator_steps=1,  # per generator step
      penalty='r1',  # '' | r1 | r2 | r1_r2 | gradient_penalty | dragan
      penalty_weight=0.1,
      penalty_period=1,
      weight_clip=0.0,  # WGAN
      augmentation='',  # color, translation, cutout: any, with commas
    )
  )
  config.optimizer = optimizer(learning_rate=1e-3, b1=0.5, b2=0.99)
  config.discriminator_optimizer = optimizer(learning_rate=1e-3, b1=0.5, b2=0.99)
  config.batch_size = 64
  config.num_steps = 2000
  config.ema_decay = 0.995
  config.steps_per_dispatch = 10
  return preset(config, arg, latent_dim=8, generator_width=4, discriminator_width=4)
