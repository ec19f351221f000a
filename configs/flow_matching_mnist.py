"""Flow matching on MNIST, 28x28 (Lipman et al. 2023; Liu et al. 2023), with the small U-Net of `ddpm_mnist`.

    python -m jaxgen.main --config=configs/flow_matching_mnist.py

Not run to the end yet, so there is no number to expect; it costs what `ddpm_mnist` does, 31 minutes of processor time.
"""

from jaxgen.config import preset
from jaxgen.config_files import load


def get_config(arg=''):
  config = load('ddpm_mnist')
  config.model.path = dict(name='rectified_flow', rectified_flow=dict(times='uniform'))
  config.model.parameterization = 'velocity'
  config.model.weighting = 'velocity'
  config.sampler = dict(name='euler', euler=dict(num_steps=36, rho=0.0))  # evenly in t
  return preset(config, arg, image_size=8, widths=(4,), attention=(), likelihood=dict(ode=dict(num_steps=2)))
