"""A noise-conditional score network on MNIST, 28x28 (after Song & Ermon 2019 and 2020).

    python -m jaxgen.main --config=configs/ncsn_mnist.py

31 minutes of processor time, 2,000 steps: 1.443 ± 0.019 bits per dimension on 500 test images (an estimate of a bound,
along the ODE to noise of 0.025), and 2,000 samples of 35 evaluations of the network have a Fréchet distance of 62 to
the test images by the features of a classifier; see experiments/scores.
"""

from jaxgen.config import optimizer, preset
from jaxgen.config_files import load

_SMOKE = dict(variance_exploding=dict(num_levels=4))


def get_config(arg=''):
  config = load('ncsn_digits')
  config.data.name = 'tfds:mnist'
  # channels at 28x28, 14x14 and 7x7
  config.model.update(dict(widths=(32, 64, 64), dropout=0.1, sigma_data=0.6))
  config.model.path.variance_exploding = dict(
    sigma_max=30.0,  # about the largest distance between two digits
    sigma_min=0.02,
    num_levels=94,  # see jaxgen.losses.score.num_levels
  )
  config.model.likelihood.ode.end = 0.025  # as ddpm_mnist
  config.sampler.heun.num_steps = 18
  config.optimizer = optimizer(learning_rate=1e-3, schedule='cosine', warmup_steps=200, clip_norm=10.0)
  config.batch_size = 64
  config.num_steps = 2000
  config.ema_decay = 0.999
  config.log_every = 100
  config.eval_every = 1000
  config.sample_every = 1000
  config.checkpoint_every = 1000
  return preset(config, arg, widths=(8, 8), path=_SMOKE, likelihood=dict(ode=dict(num_steps=4)))
