"""A noise-conditional score network on eight Gaussians in the plane (Song & Ermon 2019).

    python -m jaxgen.main --config=configs/ncsn_toy.py

Not run to the end yet: no time or number to expect; `--mode=plan` tells what it takes on your device.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset

_SMOKE = dict(variance_exploding=dict(num_levels=4))


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.score.ncsn_mlp'
  config.data.name = 'toy:eight_gaussians'  # or grid_25, two_moons, checkerboard, rings
  config.model = ConfigDict(
    dict(
      width=128,
      depth=3,  # residual layers
      sigma_data=1.0,
      path=dict(
        name='variance_exploding',
        variance_exploding=dict(
          sigma_max=8.0,  # the largest distance between two examples, about
          sigma_min=0.05,
          num_levels=20,
        ),
      ),
      likelihood=dict(
        name='ode', ode=dict(num_steps=50)
      ),  # two evaluations of the network and its derivative each
    )
  )
  # No denoising: the mean of what is left of the noise is not a sample.
  config.sampler = ConfigDict(dict(name='annealed', annealed=dict(steps_per_level=10, denoise=False)))
  config.optimizer = optimizer(learning_rate=2e-3, schedule='cosine', warmup_steps=100)
  config.batch_size = 256
  config.num_steps = 5000
  config.ema_decay = 0.99
  config.steps_per_dispatch = 50
  config.num_samples = 2000
  return preset(config, arg, width=8, depth=1, path=_SMOKE, likelihood=dict(ode=dict(num_steps=4)))
