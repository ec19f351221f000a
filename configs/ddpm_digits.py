"""A denoising diffusion model on scikit-learn's digits (Ho et al. 2020), with the small network of `ncsn_digits`.

    python -m jaxgen.main --config=configs/ddpm_digits.py

The paper's 1,000 levels and betas, its noise for an output and its simple loss. On 2 CPU cores: 3.6 minutes of
processor time, 1.809 ± 0.015 bits per dimension on the test set (an estimate of a bound, along the ODE to noise of
0.05; to its last level, 0.01, 2.78), a Fréchet distance of 3.42 to it by 35 evaluations of the network for a
sample; see experiments/scores.
"""

from ml_collections import ConfigDict

from jaxgen.config import preset
from jaxgen.config_files import load


def get_config(arg=''):
  config = load('ncsn_digits')
  config.model.path = ConfigDict(
    dict(name='variance_preserving', variance_preserving=dict(beta_min=0.1, beta_max=20.0, num_levels=1000))
  )
  config.model.parameterization = 'noise'
  config.model.weighting = 'noise'  # the simple loss
  config.sampler = ConfigDict(dict(name='heun', heun=dict(num_steps=18)))
  config.model.likelihood.ode.end = 0.05  # as ncsn_digits
  return preset(
    config,
    arg,
    widths=(8, 8),
    path=dict(variance_preserving=dict(num_levels=100)),
    likelihood=dict(ode=dict(num_steps=4)),
  )
