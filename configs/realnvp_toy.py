"""A coupling flow on eight Gaussians in the plane (after Dinh et al. 2017).

    python -m jaxgen.main --config=configs/realnvp_toy.py
    python -m jaxgen.main --config=configs/realnvp_toy.py --config.data.name=toy:checkerboard --workdir=runs/board

On 2 CPU cores: 1 minute, 1.280 bits per dimension on the test set, KL(data || model) = 0.073 nats. The data's entropy
is 1.225 bits per dimension, and no model can be below it; for a flow that comes nearer see configs/nsf_toy.py.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.flow.realnvp'
  config.data.name = 'toy:eight_gaussians'  # or grid_25, two_moons, checkerboard, rings
  config.model = ConfigDict(
    dict(
      depth=16,  # couplings
      width=32,  # of the hidden layers
      num_layers=2,  # hidden layers of a coupling
      bound=2.0,  # of the logarithm of what a coupling stretches by
      temperature=1.0,  # of the samples
      base='standard_normal',  # standard_logistic | learned_normal | class_conditional | flow
      dequantization='usual',  # uniform | variational | none
    )
  )
  config.optimizer = optimizer(learning_rate=5e-3, schedule='cosine', warmup_steps=100, clip_norm=1.0)
  config.batch_size = 256
  config.num_steps = 5000
  config.ema_decay = 0.99
  config.steps_per_dispatch = 50
  config.num_samples = 2000
  return preset(config, arg, depth=2, width=8)
