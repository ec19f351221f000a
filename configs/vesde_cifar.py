"""The variance-exploding SDE on CIFAR-10 (Song et al., "Score-based generative modeling through stochastic differential
equations", 2021), in continuous time, with DDPM's network and their rescaled skips.

    python -m jaxgen.main --config=configs/vesde_cifar.py

They report an inception score of 9.89 and an FID of 2.20 (50,000 samples against the training set) of NCSN++ "deep",
with twice as many blocks, filters where it resamples and images that enter at every resolution, which this network has
not; by predictor and corrector, 2,000 evaluations a sample:
`--config.sampler.name=predictor_corrector --config.sampler.predictor_corrector.num_steps=1000`. The default is 18 steps
of Heun's method along the probability-flow ODE.

Not run to the end, which two CPU cores cannot; shapes were traced. `--mode=plan` tells what it takes on your device.
"""

from jaxgen.config import preset
from jaxgen.config_files import load


def get_config(arg=''):
  config = load('ddpm_cifar')
  config.model.rescaled = True
  # 0.01 to 50 for pixels in [0, 1]; no levels: continuous times
  path = dict(sigma_max=100.0, sigma_min=0.02, num_levels=0)
  config.model.path = dict(name='variance_exploding', variance_exploding=path)
  config.model.likelihood = dict(name='ode', ode=dict(num_steps=50))
  config.sampler = dict(name='heun', heun=dict(num_steps=18))
  config.num_steps = 950_000
  config.ema_decay = 0.999
  return preset(
    config, arg, image_size=8, widths=(4,), blocks=1, attention=(), likelihood=dict(ode=dict(num_steps=2))
  )
