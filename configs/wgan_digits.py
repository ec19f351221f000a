"""A Wasserstein GAN on scikit-learn's digits, its critic's weights clipped (Arjovsky et al. 2017, algorithm 1).

    python -m jaxgen.main --config=configs/wgan_digits.py

Five steps of the critic per step of the generator: `num_steps` counts the former.

130 CPU seconds: a Fréchet distance to held-out digits of 6.7 (300 of them; `gan_digits` 6.2). Most samples are digits,
but more of them are botched than of `gan_digits`: precision is 0.43 against 0.59, recall 0.91 against 0.90. Clipping
bounds the slopes of the critic and makes them no more equal; `wgan_gp_digits` penalizes them instead.
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
      loss='wasserstein',
      classifier_weight=0.0,
      discriminator_steps=5,  # per generator step
      penalty='',
      penalty_weight=0.0,
      penalty_period=1,
      weight_clip=0.05,  # the paper's is 0.01, of larger networks
      augmentation='',  # color, translation, cutout: any, with commas
    )
  )
  config.optimizer = optimizer(name='rmsprop', learning_rate=1e-3)
  config.discriminator_optimizer = optimizer(name='rmsprop', learning_rate=5e-4)
  config.batch_size = 64
  config.num_steps = 6000
  config.ema_decay = 0.98
  config.steps_per_dispatch = 10
  return preset(config, arg, latent_dim=8, generator_width=4, discriminator_width=4)
