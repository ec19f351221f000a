"""Real NVP on CIFAR-10 with the settings of the paper (Dinh et al. 2017, section 4.1).

    python -m jaxgen.main --config=configs/realnvp_cifar.py

Eight residual blocks of 64 channels, the image halved once, batches of 64, Adam at its defaults. Published: 3.49 bits
per dimension (table 1). Not taken over: horizontal flips, and the penalty on the lengths of the kernels.

Not run to the end yet: no time or number to expect; `--mode=plan` tells what it takes on your device.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset

EPOCH = 50_000 // 64


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.flow.realnvp_conv'
  config.data.name = 'tfds:cifar10'
  config.model = ConfigDict(
    dict(
      levels=2,  # scales
      width=64,  # channels of the first networks, doubled with every halving
      num_blocks=8,  # residual blocks of a coupling
      lag=0.9,  # batch normalization by a moving average
      averaged_statistics=True,  # for averaged weights
      temperature=1.0,  # of the samples
      base='standard_normal',  # standard_logistic | learned_normal | class_conditional | flow
      dequantization='usual',  # uniform | variational | none
    )
  )
  config.optimizer = optimizer(learning_rate=1e-3)
  config.batch_size = 64
  config.num_steps = 250 * EPOCH
  config.ema_decay = 0.999
  config.eval_every = 5 * EPOCH
  config.sample_every = EPOCH
  config.checkpoint_every = 1000
  return preset(config, arg, levels=1, width=2, num_blocks=1)
