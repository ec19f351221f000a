"""Flow matching in the plane (Lipman et al. 2023; Liu et al. 2023): straight lines from data to noise.

    python -m jaxgen.main --config=configs/flow_matching_toy.py

As `ncsn_toy` it regresses on the mean given the batch (`config.model.target`; `own` for flow matching as published) and
sees Fourier features.

With `--config.num_steps=12000` 3 CPU minutes (two shared cores): KL(data || model) 0.005 ± 0.001 nats by the ODE on
eight Gaussians, and on the checkerboard 0.027 ± 0.002 (experiments/toy_densities).
"""

from ml_collections import ConfigDict

from jaxgen.config import preset
from jaxgen.config_files import load


def get_config(arg=''):
  config = load('ncsn_toy')
  config.model.path = ConfigDict(dict(name='rectified_flow', rectified_flow=dict(start=0.005, end=0.995)))
  config.model.parameterization = 'velocity'
  config.model.weighting = 'velocity'
  config.sampler = ConfigDict(dict(name='heun', heun=dict(num_steps=30, rho=0.0)))  # even in time
  config.num_steps = 3000
  return preset(config, arg, width=8, depth=1, likelihood=dict(ode=dict(num_steps=4, tolerance=0.0)))
