"""NCSNv2 on CIFAR-10 (Song & Ermon, "Improved techniques for training score-based generative models", 2020), with its
network: 29.7 million parameters.

    python -m jaxgen.main --config=configs/ncsnv2_cifar.py

Published after 300,000 steps: inception score 8.40, FID 10.87 (50,000 samples against the training set), by 232 levels
of 5 Langevin steps, as here. The network sees no noise level; divided by sigma its outputs are the score, here the
noise. `--config.model.normalized_by_level=True` makes it that of NCSN (Song & Ermon 2019: 8.87 and 25.32), whose every
normalization depends on the level.

Not run to the end, which two CPU cores cannot; of these settings parameters were counted and shapes traced, and the
preset ':smoke' was trained. `--mode=plan` tells what it takes on your device.
"""

from ml_collections import ConfigDict

from jaxgen.config import optimizer, preset
from jaxgen.config_files import load

_SMOKE = dict(variance_exploding=dict(num_levels=2))


def get_config(arg=''):
  config = load('ncsn_cifar')  # its noise levels are the authors'
  config.module = 'jaxgen.models.score.refinenet'
  config.model = ConfigDict(
    dict(
      width=128,  # channels at 32x32, and half of those at 16x16
      normalized_by_level=False,
      sigma_data=config.model.sigma_data,
      path=config.model.path,
      parameterization='noise',
      weighting='noise',
      likelihood=config.model.likelihood,
    )
  )
  config.sampler = ConfigDict(dict(name='ncsnv2', ncsnv2=dict(steps_per_level=5, epsilon=2.48e-5)))
  config.optimizer = optimizer(learning_rate=1e-4)
  config.ema_decay = 0.999
  return preset(config, arg, image_size=8, width=2, path=_SMOKE, likelihood=dict(ode=dict(num_steps=2)))
