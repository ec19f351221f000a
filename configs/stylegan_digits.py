"""StyleGAN2 on scikit-learn's digits (Karras et al. 2020).

    python -m jaxgen.main --config=configs/stylegan_digits.py

7 CPU minutes (beside other work): a Fréchet distance to held-out digits of 10.5 (300 of them, 1,347 samples; of
`gan_digits` 6.2), precision 0.60, recall 0.57, all ten classes. Images this small have two resolutions, and little for
noise to decide; the size is for trying what StyleGAN2 can do:
`--mode=sample --knobs.truncation=0.5` draws styles nearer to their mean, and `path_length` is a metric.
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
