"""Radial layers on eight Gaussians in the plane (Rezende & Mohamed 2015).

    python -m jaxgen.main --config=configs/radial_toy.py
    python -m jaxgen.main --config=configs/radial_toy.py --config.data.name=toy:two_moons --workdir=runs/moons

On 2 CPU cores: 1 minute, 1.478 bits per dimension on the test set, 0.35 nats of KL(data || model). The data's entropy
is 1.225. A layer moves points along the rays from one centre. The samples of 64 of them make a ring of eight lumps: a
fifth lies more than three deviations from every Gaussian, most of it between neighbours; of the data a hundredth does.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.flow.radial'
  config.data.name = 'toy:eight_gaussians'  # or grid_25, two_moons, checkerboard, rings
  config.model = ConfigDict(
    dict(
      depth=64,  # layers
      temperature=1.0,  # of the samples
      base='standard_normal',  # standard_logistic | learned_normal | class_conditional | flow
      dequantization='usual',  # uniform | variational | none
    )
  )
  config.optimizer = optimizer(learning_rate=5e-3, schedule='cosine', warmup_steps=100, clip_norm=1.0)
  config.batch_size = 256
  config.num_steps = 10_000
  config.ema_decay = 0.99
  config.steps_per_dispatch = 50
  config.num_samples = 2000
  return preset(config, arg, depth=2)
