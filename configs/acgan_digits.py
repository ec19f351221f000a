"""A GAN with an auxiliary classifier on scikit-learn's digits (Odena et al. 2017).

    python -m jaxgen.main --config=configs/acgan_digits.py

The generator is told which digit to make, and the discriminator, which is not, has to say which one it sees.

95 CPU seconds: a Fréchet distance to held-out digits of 4.8 (300 of them, labels as they come; `gan_digits`, which is
told none, 6.2); to the discriminator all of 300 samples are the digit that was asked for, and it names 97 of 100
held-out digits rightly. Samples vary less than those of `gan_digits`: recall is 0.64 against 0.90.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.gan.dcgan'
  config.given = ('label',)  # of the generator; the discriminator has to tell it
  config.model = ConfigDict(
    dict(
      latent_dim=32,
      generator_width=32,
      discriminator_width=32,
      batch_norm=True,
      spectral_norm=False,
      loss='non_saturating',
      classifier_weight=1.0,
      discriminator_steps=1,  # per generator step
      penalty='r1',
      penalty_weight=0.1,
      penalty_period=1,
      weight_clip=0.0,
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
