"""The residual SNGAN on CIFAR-10 (Miyato et al. 2018, table 4: hinge loss, spectral norm in the discriminator).

    python -m jaxgen.main --config=configs/sngan_cifar.py

Five discriminator steps per generator step: `num_steps` counts the former, so 250,000 are 50,000 of the generator.
Miyato et al. report an FID of 21.7 without labels, StudioGAN 9.01 with labels (train reference): with
`--config.given="('label',)"` the discriminator is one by projection.

Not run to the end, which two CPU cores cannot: 250,000 steps of 0.8 TFLOP. `--mode=plan` tells what it takes on your
device.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.gan.sngan'
  config.data.name = 'tfds:cifar10'
  config.model = ConfigDict(
    dict(
      generator_width=256,
      discriminator_width=128,
      growing=False,  # one width: the table for 32x32
      latent_dim=128,
      loss='hinge',
      classifier_weight=0.0,  # AC-GAN
      discriminator_steps=5,  # per generator step
      penalty='',
      penalty_weight=0.0,
      penalty_period=1,
      weight_clip=0.0,  # WGAN
      augmentation='',  # color, translation, cutout: any, with commas
    )
  )
  config.optimizer = optimizer(learning_rate=2e-4, b1=0.0, b2=0.9, schedule='linear')
  config.discriminator_optimizer = optimizer(learning_rate=2e-4, b1=0.0, b2=0.9, schedule='linear')
  config.batch_size = 64
  config.num_steps = 250_000
  config.log_every = 100
  config.eval_every = 2000
  config.sample_every = 1000
  config.checkpoint_every = 1000
  return preset(config, arg, image_size=8, latent_dim=8, generator_width=8, discriminator_width=8)
