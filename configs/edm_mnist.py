"""EDM on MNIST, 28x28 (Karras et al. 2022), with the small U-Net of `ddpm_mnist`.

    python -m jaxgen.main --config=configs/edm_mnist.py

30 minutes of processor time, 3,000 steps, as `ddpm_mnist`: 1.472 ± 0.019 bits per dimension on 500 test images (an
estimate of a bound, along the ODE to noise of 0.025), and 2,000 samples of 35 evaluations of the network have a Fréchet
distance of 45 to the test images by the features of a classifier; see experiments/scores.
"""

from jaxgen.config import preset
from jaxgen.config_files import load


def get_config(arg=''):
  config = load('ddpm_mnist')
  config.model.path = dict(name='edm', edm=dict(mean=-1.2, std=1.2, sigma_min=0.002, sigma_max=80.0))
  config.model.parameterization = 'preconditioned'
  config.model.weighting = 'preconditioned'
  config.sampler = dict(name='heun', heun=dict(num_steps=18))
  return preset(config, arg, image_size=8, widths=(4,), attention=(), likelihood=dict(ode=dict(num_steps=2)))
