"""Planar layers on eight Gaussians in the plane (Rezende & Mohamed 2015).

    python -m jaxgen.main --config=configs/planar_toy.py
    python -m jaxgen.main --config=configs/planar_toy.py --config.data.name=toy:two_moons --workdir=runs/moons

On 2 CPU cores: 15 seconds, 1.231 bits per dimension on the test set, 0.007 nats of KL(data || model). The data's
entropy is 1.225, and no model can be below it.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.flow.planar'
  config.data.name = 'toy:eight_gaussians'  # or grid_25, two_moons, checkerboard, rings
  config.model = ConfigDict(
    dict(
      depth=32,  # layers
      temperature=1.0,  # of the samples
      base='standard_normal',  # standard_logistic | learned_normal | class_conditional | flow
      dequantization='usual',  # uniform | variational | none
    )
  )
  config.optimizer = optimizer(learning_rate=5e-3, schedule='cosine', warmup_steps=100, clip_norm=1.0)
  config.batch_size = 256
  config.num_steps = 6000
  config.ema_decay = 0.99
  config.steps_per_dispatch = 50
  config.num_samples = 2000
  return preset(config, arg, depth=2)
