"""A DCGAN on MNIST, 28x28 (Radford et al. 2016: their rates and loss; the discriminator has no batch statistics).

    python -m jaxgen.main --config=configs/dcgan_mnist.py

8 CPU minutes, 2,000 steps (2.4 epochs): a Fréchet distance to the test images of 96.6, precision 0.44 and recall 0.71
(10,000 samples, features of a classifier of MNIST; curves and samples in `experiments/gans`). About half of the samples
can be read as digits.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.gan.dcgan'
  config.data.name = 'tfds:mnist'
  config.model = ConfigDict(
    dict(
      latent_dim=100,
      generator_width=32,  # channels at full resolution, doubled with every halving
      discriminator_width=32,
      batch_norm=True,  # in the generator
      spectral_norm=False,  # in the discriminator
      loss='non_saturating',  # non_saturating, hinge, wasserstein ...: jaxgen.losses.gan.LOSSES
      classifier_weight=0.0,  # AC-GAN
      discriminator_steps=1,  # per generator step
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
  config.num_steps = 2000
  config.steps_per_dispatch = 10
  config.log_every = 100
  config.eval_every = 2000
  config.sample_every = 1000
  config.checkpoint_every = 1000
  return preset(config, arg, latent_dim=8, generator_width=4, discriminator_width=4)
