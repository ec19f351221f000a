"""A GAN of perceptrons on eight Gaussians in the plane: does it find all of them?

    python -m jaxgen.main --config=configs/gan_toy.py
    python -m jaxgen.main --config=configs/gan_toy.py --config.data.name=toy:grid_25 --workdir=runs/grid_25

Not run to the end yet: no time or number to expect; `--mode=plan` tells what it takes on your device.
Compare with `--config.model.penalty_weight=0`: the penalty is there to keep modes.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.gan.gan_mlp'
  config.data.name = 'toy:eight_gaussians'  # or grid_25, two_moons, checkerboard, rings
  config.model = ConfigDict(
    dict(
      hidden=(128, 128),  # of both networks
      latent_dim=2,
      loss='non_saturating',  # non_saturating, hinge, wasserstein ...: jaxgen.losses.gan.LOSSES
      classifier_weight=0.0,  # AC-GAN
      discriminator_steps=1,  # per generator step
      penalty='r1',  # '' | r1 | r2 | r1_r2 | gradient_penalty | dragan
      penalty_weight=0.1,
      penalty_period=1,
      weight_clip=0.0,  # WGAN
      augmentation='',
    )
  )
  config.optimizer = optimizer(learning_rate=1e-3, b1=0.0, b2=0.99)
  config.discriminator_optimizer = optimizer(learning_rate=1e-3, b1=0.0, b2=0.99)
  config.batch_size = 256
  config.num_steps = 5000
  config.ema_decay = 0.99
  config.steps_per_dispatch = 50
  config.num_samples = 2000
  return preset(config, arg, hidden=(8,))
