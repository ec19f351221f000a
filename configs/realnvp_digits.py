"""Real NVP on scikit-learn's 8x8 digits (Dinh et al. 2017), small enough for two CPU cores.

    python -m jaxgen.main --config=configs/realnvp_digits.py

On 2 CPU cores: 1 minute, 2.03 bits per dimension on the test set (an exact density; see experiments/flows).
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.flow.realnvp_conv'
  config.model = ConfigDict(
    dict(
      levels=2,  # scales
      width=16,  # channels of the first networks, doubled with every halving
      num_blocks=1,  # residual blocks of a coupling
      lag=0.0,  # batch normalization by the batch alone
      averaged_statistics=True,  # for averaged weights
      temperature=1.0,  # of the samples
      base='standard_normal',  # standard_logistic | learned_normal | class_conditional | flow
      dequantization='usual',  # uniform | variational | none
    )
  )
  config.optimizer = optimizer(learning_rate=2e-3, schedule='cosine', warmup_steps=100, clip_norm=10.0)
  config.batch_size = 64
  config.num_steps = 600  # longer, and it learns its images by heart
  config.ema_decay = 0.99
  config.steps_per_dispatch = 10
  return preset(config, arg, width=4)
