"""A noise-conditional score network on scikit-learn's digits (after Song & Ermon 2019 and 2020).

    python -m jaxgen.main --config=configs/ncsn_digits.py

On 2 CPU cores: two minutes, 1.73 bits per dimension on the test set (an estimate of a bound, along the ODE; see
experiments/digits), by 19 evaluations of the network for a sample (see experiments/samplers).
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset

_SMOKE = dict(variance_exploding=dict(num_levels=4))


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.score.ncsn'
  config.model = ConfigDict(
    dict(
      widths=(32, 64),  # channels at 8x8 and 4x4
      blocks=1,
      dropout=0.0,
      sigma_data=0.75,
      path=dict(
        name='variance_exploding',
        variance_exploding=dict(
          sigma_max=12.0,  # a little more than the largest distance between two digits, 9.6
          sigma_min=0.05,
          num_levels=19,  # see jaxgen.losses.score.num_levels
        ),
      ),
      likelihood=dict(
        name='ode', ode=dict(num_steps=50)
      ),  # two evaluations of the network and its derivative each
    )
  )
  # chosen by experiments/samplers
  config.sampler = ConfigDict(dict(name='heun', heun=dict(num_steps=10)))
  config.optimizer = optimizer(learning_rate=2e-3, schedule='cosine', warmup_steps=100)
  config.batch_size = 64
  config.num_steps = 2000
  config.ema_decay = 0.995
  config.steps_per_dispatch = 10
  return preset(config, arg, widths=(8, 8), path=_SMOKE, likelihood=dict(ode=dict(num_steps=4)))
