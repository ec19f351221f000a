"""A noise-conditional score network on CIFAR-10 (noise levels of Song & Ermon 2020, a U-Net inside).

    python -m jaxgen.main --config=configs/ncsn_cifar.py

Song & Ermon 2020 report an FID of 10.87 after 300,000 steps of 128 images. They sample by 232 levels of
5 Langevin steps, `--config.sampler.name=ncsnv2` (`annealed` balances these steps); the default is the probability-flow
ODE in 18 steps of Heun's method, 35 evaluations of the network (Karras et al. 2022).

Not run to the end yet: no time or number to expect; `--mode=plan` tells what it takes on your device.
"""

from ml_collections import ConfigDict

from jaxgen.config import preset
from jaxgen.config_files import load

_SMOKE = dict(variance_exploding=dict(num_levels=4))


def get_config(arg=''):
  config = load('ddpm_cifar')
  config.module = 'jaxgen.models.score.ncsn'
  config.model = ConfigDict(
    dict(
      widths=(128, 256, 256, 256),  # channels at 32x32, 16x16, 8x8 and 4x4
      blocks=2,
      dropout=0.1,
      sigma_data=0.5,
      path=dict(
        name='variance_exploding',
        variance_exploding=dict(
          sigma_max=100.0,  # 50 for pixels in [0, 1]
          sigma_min=0.02,
          num_levels=232,  # the authors' number; jaxgen.losses.score.num_levels asks for 220
        ),
      ),
      likelihood=dict(
        name='ode', ode=dict(num_steps=50)
      ),  # two evaluations of the network and its derivative each
    )
  )
  config.sampler = ConfigDict(dict(name='heun', heun=dict(num_steps=18)))
  config.optimizer.clip_norm = 10.0
  config.num_steps = 300_000
  return preset(config, arg, widths=(8, 8), path=_SMOKE, likelihood=dict(ode=dict(num_steps=4)))
