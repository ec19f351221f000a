"""An autoregressive neural spline flow on MNIST, RQ-NSF (AR) of Durkan et al. 2019 upon a gated PixelCNN.

    python -m jaxgen.main --config=configs/nsf_ar_mnist.py

48 minutes of processor time, 12,000 steps of 32 images (7 epochs): 1.120 ± 0.003 bits per dimension on the test set, an
exact density; see experiments/flows. After 300 steps it is at 1.36, and at 1.18 after 3,000. A sample takes hundreds of
passes of the network. Grathwohl et al. (FFJORD, 2019, table 2) report 1.05 bits per dimension for Glow and 0.99 for
their flow on this data.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.flow.nsf_ar_conv'
  config.data.name = 'tfds:mnist'
  config.model = ConfigDict(
    dict(
      width=32,  # channels of the PixelCNN
      num_layers=3,  # after the first
      first_kernel=7,
      kernel=3,
      bins=16,  # of a spline
      temperature=1.0,  # of the samples
      base='standard_logistic',  # makes the box uniform; standard_normal | learned_normal | class_conditional | flow
      dequantization='usual',  # uniform | variational | none
    )
  )
  config.optimizer = optimizer(learning_rate=2e-3, schedule='cosine', warmup_steps=200, clip_norm=10.0)
  config.batch_size = 32
  config.num_steps = 12_000
  config.steps_per_dispatch = 10
  config.log_every = 100
  config.eval_every = 3000
  config.sample_every = 12_000  # a sample takes hundreds of passes
  config.checkpoint_every = 500
  return preset(config, arg, image_size=8, width=4, num_layers=1, first_kernel=3, bins=4)
