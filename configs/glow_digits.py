"""Glow on scikit-learn's 8x8 digits (Kingma & Dhariwal 2018), small enough for two CPU cores.

    python -m jaxgen.main --config=configs/glow_digits.py

On 2 CPU cores: 1 minute, 2.18 bits per dimension on the test set (an exact density; see experiments/digits).

A density of digits given their class says by Bayes' rule which class an image is of:

    python -m jaxgen.main --config=configs/glow_digits.py --config.given="('label',)" --workdir=runs/glow_given
    python -m jaxgen.main --mode=sample --use=classification --workdir=runs/glow_given

On 2 CPU cores: 1 minute, 98.0 % of the test set (standard error 0.8 %), and 2.12 bits per dimension given the label.
With `--config.model.base=class_conditional` besides, 98.7 % (0.7 %).
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.flow.glow'
  config.model = ConfigDict(
    dict(
      depth=16,  # steps a level, K in the paper
      levels=2,  # L
      width=32,  # of the hidden convolutions
      coupling='affine',  # affine | additive
      least_scale=0.1,  # of an affine coupling; 0: the published one, whose samples may overflow
      border=False,  # whether convolutions see where the image ends
      temperature=1.0,  # of the samples
      base='standard_normal',  # standard_logistic | learned_normal | class_conditional | flow
      dequantization='usual',  # uniform | variational | none
    )
  )
  config.optimizer = optimizer(learning_rate=2e-3, warmup_steps=100, clip_norm=1.0)
  config.batch_size = 64
  config.num_steps = 1000  # longer, and it learns its images by heart
  config.ema_decay = 0.99
  config.steps_per_dispatch = 10
  return preset(config, arg, depth=2, width=8)
