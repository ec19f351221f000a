"""A residual SNGAN on MNIST, 28x28 (after Miyato et al. 2018, with a projection discriminator, Miyato & Koyama 2018).

    python -m jaxgen.main --config=configs/sngan_mnist.py

20 CPU minutes: a Fréchet distance to the test images of 7.2, precision 0.82 and recall 0.60 (10,000 samples, features
of a classifier of MNIST; curves and samples in `experiments/gans`), and nearly all samples are digits one can name.
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
