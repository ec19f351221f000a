"""A noise-conditional score network in the plane (Song & Ermon 2019), at continuous noise levels.

    python -m jaxgen.main --config=configs/ncsn_toy.py
    python -m jaxgen.main --config=configs/ncsn_toy.py --config.data.name=toy:checkerboard --workdir=runs/board

2.7 CPU minutes (two shared cores): KL(data || model) 0.018 ± 0.002 nats by the ODE on eight Gaussians, 0.028 ± 0.002 on
the checkerboard (experiments/toy_densities).

What limited it on the checkerboard, after 6,000 steps: without Fourier features, at 200 levels, 0.082 nats, with them
0.060, and with the mean of the noise given the batch in place of the noise 0.036.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.score.ncsn_mlp'
  config.data.name = 'toy:eight_gaussians'  # or grid_25, two_moons, checkerboard, rings
  config.model = ConfigDict(
    dict(
      width=128,
      depth=3,  # residual layers
      frequencies=6,  # of Fourier features, for edges
      sigma_data=1.0,
      path=dict(
        name='variance_exploding',
        variance_exploding=dict(
          sigma_max=8.0,  # the largest distance between two examples, about
          sigma_min=0.004,  # an edge blurred by it costs 0.49 sigma nats for each unit of its length
          num_levels=0,  # continuous
        ),
      ),
      target='batch',  # half the squared error of the score for the same steps
      # nats; by 50 steps of Heun's method a number is 0.004 off
      likelihood=dict(name='ode', ode=dict(tolerance=1e-3)),
    )
  )
  config.sampler = ConfigDict(dict(name='heun', heun=dict(num_steps=30)))
  config.optimizer = optimizer(learning_rate=2e-3, schedule='cosine', warmup_steps=100)
  config.batch_size = 512
  config.num_steps = 12_000
  config.ema_decay = 0.99
  config.steps_per_dispatch = 50
  config.num_samples = 2000
  return preset(
    config,
    arg,
    width=8,
    depth=1,
    path=dict(variance_exploding=dict(num_levels=4)),
    likelihood=dict(ode=dict(num_steps=4, tolerance=0.0)),
  )
