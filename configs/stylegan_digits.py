"""StyleGAN2 on scikit-learn's digits (Karras et al. 2020).

    python -m jaxgen.main --config=configs/stylegan_digits.py

Not run to the end yet: no time or number to expect; `--mode=plan` tells what it takes on your device.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.gan.stylegan'
  config.model = ConfigDict(
    dict(
      latent_dim=64,  # and of a style
      generator_width=32,  # channels at full resolution, doubled with every halving
      discriminator_width=32,
      mapping_layers=4,
      mapping_rate=0.01,
      style_mixing=0.9,
      path_length_weight=2.0,
      path_length_period=4,
      loss='non_saturating',
      classifier_weight=0.0,
      discriminator_steps=1,  # per generator step
      penalty='r1',
      penalty_weight=0.1,
      penalty_period=8,
      weight_clip=0.0,
      augmentation='',  # color, translation, cutout: any, with commas
    )
  )
  config.optimizer = optimizer(learning_rate=2e-3, b1=0.0, b2=0.99)
  config.discriminator_optimizer = optimizer(learning_rate=2e-3, b1=0.0, b2=0.99)
  config.batch_size = 64
  config.num_steps = 4000
  config.ema_decay = 0.995
  config.steps_per_dispatch = 10
  return preset(config, arg, latent_dim=8, generator_width=4, discriminator_width=4)
