"""A masked autoregressive flow on eight Gaussians in the plane (Papamakarios et al. 2017).

    python -m jaxgen.main --config=configs/maf_toy.py
    python -m jaxgen.main --config=configs/maf_toy.py --config.data.name=toy:checkerboard --workdir=runs/board

On 2 CPU cores: 1 minute, 1.331 bits per dimension on the test set, KL(data || model) = 0.145 nats; with
`--config.model.transform=spline` it is an autoregressive spline flow. The data's entropy is 1.225 bits per dimension,
and no model can be below it.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.flow.maf'
  config.data.name = 'toy:eight_gaussians'  # or grid_25, two_moons, checkerboard, rings
  config.model = ConfigDict(
    dict(
      depth=12,  # masked networks
      width=32,  # of their hidden layers
      num_layers=2,  # hidden layers of each
      residual=False,
      frequencies=0,  # of the Fourier features of their inputs
      transform='affine',  # affine | spline
      bins=8,  # of a spline
      bound=3.0,  # half of the side of its box
      norm='actnorm',  # actnorm | batch_norm
      averaged_statistics=True,  # of batch_norm
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
