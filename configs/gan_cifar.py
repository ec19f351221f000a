"""A convolutional GAN on CIFAR-10 (architecture after Radford et al. 2016, loss and norm as in Miyato et al. 2018).

    python -m jaxgen.main --config=configs/gan_cifar.py

Five discriminator steps per generator step: `num_steps` counts the former, so 500,000 are 100,000 of the generator.
Miyato et al. report an FID of 25.5 for their plain convolutional network with spectral norm and this loss (29.3 is that
of the logistic one; table 2). The average of the generator counts its own steps, 1,000 of which it looks back on.

Not run to the end yet: no time or number to expect; `--mode=plan` tells what it takes on your device.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.gan.dcgan'
  config.data.name = 'tfds:cifar10'
  config.model = ConfigDict(
    dict(
      latent_dim=128,
      generator_width=64,  # channels at full resolution, doubled with every halving
      discriminator_width=64,
      batch_norm=True,  # in the generator
      spectral_norm=True,  # in the discriminator
      loss='hinge',  # non_saturating, hinge, wasserstein ...: jaxgen.losses.gan.LOSSES
      classifier_weight=0.0,  # AC-GAN
      discriminator_steps=5,  # per generator step
      penalty='',  # '' | r1 | r2 | r1_r2 | gradient_penalty | dragan
      penalty_weight=0.0,
      penalty_period=1,
      weight_clip=0.0,  # WGAN
      augmentation='',  # color, translation, cutout: any, with commas
    )
  )
  config.optimizer = optimizer(learning_rate=2e-4, b1=0.5)
  config.discriminator_optimizer = optimizer(learning_rate=2e-4, b1=0.5)
  config.batch_size = 64
  config.num_steps = 500_000
  config.steps_per_dispatch = 10
  config.log_every = 500
  config.eval_every = 10_000
  config.sample_every = 5000
  config.checkpoint_every = 1000
  return preset(config, arg, image_size=16, latent_dim=8, generator_width=4, discriminator_width=4)
