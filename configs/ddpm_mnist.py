"""A denoising diffusion model on MNIST, 28x28 (Ho et al. 2020), with a small U-Net: 300,000 parameters.

    python -m jaxgen.main --config=configs/ddpm_mnist.py

31 minutes of processor time, 3,000 steps: most samples are digits that one can name. 1.581 ± 0.021 bits per dimension
on 500 test images (an estimate of a bound, along the ODE to noise of 0.025), and 2,000 samples of 20 evaluations of the
network have a Fréchet distance of 37 to the test images by the features of a classifier; see experiments/scores.
"""

from jaxgen.config import optimizer, preset
from jaxgen.config_files import load

_SMOKE = dict(variance_preserving=dict(num_levels=25))


def get_config(arg=''):
  config = load('ddpm_cifar')
  config.data.name = 'tfds:mnist'
  config.model.update(
    dict(
      widths=(16, 32, 32),  # channels at 28x28, 14x14 and 7x7
      blocks=1,
      attention=(7,),  # heights at which all places see each other
      scales=True,  # the noise level scales channels as well as shifting them
      dropout=0.0,
      sigma_data=0.6,
    )
  )
  config.model.likelihood = dict(name='ode', ode=dict(num_steps=50, end=0.025))
  config.optimizer = optimizer(learning_rate=2e-3, schedule='cosine', warmup_steps=200, clip_norm=1.0)
  config.batch_size = 64
  config.num_steps = 3000
  config.ema_decay = 0.999
  config.log_every = 200
  config.eval_every = 1000
  config.sample_every = 1000
  return preset(
    config,
    arg,
    image_size=8,
    widths=(4,),
    attention=(),
    path=_SMOKE,
    likelihood=dict(ode=dict(num_steps=2, end=0.0)),
  )
