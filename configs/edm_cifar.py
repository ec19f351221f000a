"""EDM on CIFAR-10 (Karras et al., "Elucidating the design space of diffusion-based generative models", 2022).

    python -m jaxgen.main --config=configs/edm_cifar.py

They report an FID of 1.97 without labels (50,000 samples against the training set) by 35 evaluations of the network a
sample, 18 steps of Heun's method, after 200 million images. Noise levels, preconditioning, weights, batch, rate and
the widths of the network are theirs. Theirs also augments the images, tells the network how, and resamples within
residual blocks, not between them: 55.7 million parameters, and here 59.0.

Not run to the end, which two CPU cores cannot; shapes were traced. `--mode=plan` tells what it takes on your device.
"""

from jaxgen.config import optimizer, preset
from jaxgen.config_files import load


def get_config(arg=''):
  config = load('ddpm_cifar')
  config.model.update(
    dict(
      widths=(256, 256, 256),  # channels at 32x32, 16x16 and 8x8
      blocks=4,
      rescaled=True,
      dropout=0.13,
      parameterization='preconditioned',
      weighting='preconditioned',
    )
  )
  config.model.path = dict(name='edm', edm=dict(mean=-1.2, std=1.2, sigma_min=0.002, sigma_max=80.0))
  config.model.likelihood = dict(name='ode', ode=dict(num_steps=50))
  config.sampler = dict(name='heun', heun=dict(num_steps=18))
  config.optimizer = optimizer(learning_rate=1e-3, warmup_steps=19_500)
  config.batch_size = 512
  config.num_steps = 390_000
  config.ema_decay = 0.9993  # half of it is of the last 500,000 images
  return preset(
    config, arg, image_size=8, widths=(4,), blocks=1, attention=(), likelihood=dict(ode=dict(num_steps=2))
  )
