"""NICE on MNIST (Dinh et al. 2015, section 5.1), with narrower networks, for two CPU cores.

    python -m jaxgen.main --config=configs/nice_mnist.py

The paper has 5 hidden layers of 1,000 units (`--config.model.width=1000 --config.model.num_layers=5`), trained for
1,500 epochs; it reports a log-likelihood of 1,980.50 nats, which is 4.36 bits per dimension.

On 2 CPU cores: 2 minutes, 4.31 bits per dimension on the test set (an exact density; see experiments/flows), after 14
epochs.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.flow.nice'
  config.data.name = 'tfds:mnist'
  config.model = ConfigDict(
    dict(
      depth=4,  # couplings
      width=256,  # of the hidden layers
      num_layers=3,  # hidden layers of a coupling
      temperature=1.0,  # of the samples
      base='standard_logistic',  # standard_normal | learned_normal | class_conditional | flow
      dequantization='usual',  # uniform | variational | none
    )
  )
  config.optimizer = optimizer(learning_rate=1e-3, schedule='cosine', warmup_steps=200, clip_norm=100.0)
  config.batch_size = 128
  config.num_steps = 6000
  config.ema_decay = 0.99
  config.steps_per_dispatch = 20
  config.log_every = 100
  config.eval_every = 2000
  config.sample_every = 2000
  return preset(config, arg, width=8, num_layers=1)
