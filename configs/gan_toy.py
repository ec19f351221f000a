"""A GAN of perceptrons on eight Gaussians in the plane: does it find all of them?

    python -m jaxgen.main --config=configs/gan_toy.py
    python -m jaxgen.main --config=configs/gan_toy.py --config.data.name=toy:grid_25 --workdir=runs/grid_25

0.2 CPU minutes on shared cores, without the looks in between. Of 25 Gaussians (grid_25) it finds all, with 91.7 to
95.8 % of the samples within 3 standard deviations of one; of 8 all, with 96.0 to 98.4 %: five seeds of five. What
other losses, penalties and rates come to is in experiments/toy_modes.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.gan.gan_mlp'
  config.data.name = 'toy:eight_gaussians'  # or grid_25, two_moons, checkerboard, rings
  config.model = ConfigDict(
    dict(
      hidden=(64, 64, 64),  # of both networks
      latent_dim=2,
      loss='non_saturating',  # non_saturating, hinge, wasserstein ...: jaxgen.losses.gan.LOSSES
      classifier_weight=0.0,  # AC-GAN
      discriminator_steps=1,  # per generator step
      penalty='r1',  # '' | r1 | r2 | r1_r2 | gradient_penalty | dragan
      penalty_weight=0.003,
      penalty_period=1,
      weight_clip=0.0,  # WGAN
      augmentation='',
    )
  )
  config.optimizer = optimizer(learning_rate=5e-3, schedule='cosine', b1=0.0, b2=0.99)
  config.discriminator_optimizer = optimizer(learning_rate=5e-3, schedule='cosine', b1=0.0, b2=0.99)
  config.batch_size = 256
  config.num_steps = 6000
  config.ema_decay = 0.99
  config.steps_per_dispatch = 100
  config.num_samples = 2000
  return preset(config, arg, hidden=(8,))
