"""Glow on MNIST (Kingma & Dhariwal 2018), small enough for two CPU cores.

    python -m jaxgen.main --config=configs/glow_mnist.py

Grathwohl et al. (FFJORD, 2019, table 2) report 1.05 bits per dimension for Glow on this data.

24 minutes of processor time, 3,000 steps (3.6 epochs of 54,000 images): 1.813 ± 0.004 bits per dimension on the test
set (an exact density; see experiments/flows), and strokes, of which some are digits. More steps go on from here:
`--config.num_steps=20000`. For a flow that comes nearer in as many minutes see `configs/nsf_ar_mnist.py`.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.flow.glow'
  config.data.name = 'tfds:mnist'
  config.model = ConfigDict(
    dict(
      depth=16,  # steps a level, K in the paper
      levels=2,  # L: 28x28 pixels can be halved twice
      width=64,  # of the hidden convolutions
      coupling='affine',  # affine | additive
      least_scale=0.1,  # of an affine coupling; 0: the published one, whose samples may overflow
      border=True,  # convolutions see where the image ends
      temperature=1.0,  # of the samples
      base='standard_normal',  # standard_logistic | learned_normal | class_conditional | flow
      dequantization='usual',  # uniform | variational | none
    )
  )
  config.optimizer = optimizer(learning_rate=1e-3, schedule='cosine', warmup_steps=200, clip_norm=1.0)
  config.batch_size = 64
  config.num_steps = 3000
  config.steps_per_dispatch = 10
  config.log_every = 100
  config.eval_every = 1000
  config.sample_every = 1000
  config.checkpoint_every = 500
  return preset(config, arg, depth=2, width=8)
