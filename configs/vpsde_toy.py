"""The variance-preserving diffusion of Song et al. 2021 in the plane, at continuous times, with the noise for output.

    python -m jaxgen.main --config=configs/vpsde_toy.py

As `ncsn_toy` it learns the mean of the noise given the batch (`config.model.target`) and sees Fourier features. 2.2
minutes of shared processor time, with evaluation: KL(data || model) 0.095 ± 0.005 nats by 50 steps of the ODE on eight
Gaussians.
"""

from ml_collections import ConfigDict

from jaxgen.config import preset
from jaxgen.config_files import load


def get_config(arg=''):
  config = load('ncsn_toy')
  config.model.path = ConfigDict(
    dict(name='variance_preserving', variance_preserving=dict(beta_min=0.1, beta_max=20.0, num_levels=0))
  )
  config.model.parameterization = 'noise'
  config.sampler = ConfigDict(dict(name='euler_maruyama', euler_maruyama=dict(num_steps=200)))
  config.model.likelihood = ConfigDict(dict(name='ode', ode=dict(num_steps=50)))
  config.num_steps = 3000
  return preset(
    config,
    arg,
    width=8,
    depth=1,
    path=dict(variance_preserving=dict(num_levels=100)),
    likelihood=dict(ode=dict(num_steps=4)),
  )
