"""A residual SNGAN on MNIST, 28x28 (after Miyato et al. 2018, with a projection discriminator, Miyato & Koyama 2018).

    python -m jaxgen.main --config=configs/sngan_mnist.py

Not run to the end yet, 4,000 steps of 0.019 TFLOP: no number to expect; `--mode=plan` tells the time on your device.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.gan.sngan'
  config.data.name = 'tfds:mnist'
  config.given = ('label',)
  config.model = ConfigDict(
    dict(
      generator_width=32,
      discriminator_width=32,
      growing=False,
      latent_dim=64,
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
  config.optimizer = optimizer(learning_rate=2e-4, b1=0.0, b2=0.9)
  config.discriminator_optimizer = optimizer(learning_rate=4e-4, b1=0.0, b2=0.9)
  config.batch_size = 64
  config.num_steps = 4000
  config.ema_decay = 0.995
  config.steps_per_dispatch = 10
  config.log_every = 100
  config.eval_every = 1000
  config.sample_every = 1000
  config.checkpoint_every = 1000
  return preset(config, arg, latent_dim=8, generator_width=8, discriminator_width=8)
