"""An autoregressive neural spline flow on eight Gaussians in the plane, RQ-NSF (AR) of Durkan et al. 2019.

    python -m jaxgen.main --config=configs/nsf_ar_toy.py
    python -m jaxgen.main --config=configs/nsf_ar_toy.py --config.data.name=toy:checkerboard --workdir=runs/board

On 2 CPU cores: 1 minute, KL(data || model) on the test set, in nats, each with a standard error of 0.001 to 0.002:

    eight_gaussians 0.0087   two_moons 0.0067   rings 0.0223   checkerboard 0.0189

One layer, without a linear map before it: the axes of the data stay those of the splines, and edges along them stay
sharp. Fourier features let the second variable's spline change fast with the first variable.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.flow.maf'
  config.data.name = 'toy:eight_gaussians'  # or grid_25, two_moons, checkerboard, rings
  config.model = ConfigDict(
    dict(
      depth=1,  # masked networks
      width=32,  # of their hidden layers
      num_layers=2,  # hidden layers of each
      residual=False,
      frequencies=5,  # of the Fourier features of their inputs
      transform='spline',  # affine | spline
      bins=16,  # of a spline
      bound=2.5,  # half of the side of its box
      norm='actnorm',  # actnorm | batch_norm
      averaged_statistics=True,  # of batch_norm
      temperature=1.0,  # of the samples
      base='standard_normal',  # standard_logistic | learned_normal | class_conditional | flow
      dequantization='usual',  # uniform | variational | none
    )
  )
  config.optimizer = optimizer(
    name='adamw', learning_rate=1.5e-2, weight_decay=1e-2, schedule='cosine', warmup_steps=100, clip_norm=1.0
  )
  config.batch_size = 256
  config.num_steps = 8000
  config.ema_decay = 0.995
  config.steps_per_dispatch = 50
  config.num_samples = 2000
  return preset(config, arg, width=8)
