"""Real NVP on MNIST (Dinh et al. 2017), small enough for two CPU cores.

    python -m jaxgen.main --config=configs/realnvp_mnist.py

Grathwohl et al. (FFJORD, 2019, table 2) report 1.06 bits per dimension for Real NVP on this data.

26 minutes of processor time, 1,500 steps (1.8 epochs of 54,000 images): 1.544 ± 0.003 bits per dimension on the test
set (an exact density; see experiments/flows), and half of the samples are digits that one can name. More steps go on
from here: `--config.num_steps=20000`.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.flow.realnvp_conv'
  config.data.name = 'tfds:mnist'
  config.model = ConfigDict(
    dict(
      levels=3,  # scales: 28x28, 14x14 and 7x7 pixels
      width=16,  # channels of the first networks, doubled with every halving
      num_blocks=2,  # residual blocks of a coupling
      lag=0.0,  # batch normalization by the batch alone
      averaged_statistics=True,  # for averaged weights
      temperature=1.0,  # of the samples
      base='standard_normal',  # standard_logistic | learned_normal | class_conditional | flow
      dequantization='usual',  # uniform | variational | none
    )
  )
  config.optimizer = optimizer(learning_rate=1e-3, schedule='cosine', warmup_steps=200, clip_norm=10.0)
  config.batch_size = 64
  config.num_steps = 1500
  config.steps_per_dispatch = 10
  config.log_every = 100
  config.eval_every = 500
  config.sample_every = 500
  config.checkpoint_every = 500
  return preset(config, arg, levels=1, width=2, num_blocks=1)
