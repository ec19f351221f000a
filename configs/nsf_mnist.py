"""Neural spline flow on MNIST (Durkan et al. 2019), small enough for two CPU cores.

    python -m jaxgen.main --config=configs/nsf_mnist.py

25 minutes of processor time, 3,000 steps (3.6 epochs of 54,000 images): 1.723 ± 0.003 bits per dimension on the test
set (an exact density; see experiments/flows), and strokes, of which some are digits. More steps go on from here:
`--config.num_steps=20000`. Splines upon a PixelCNN come nearer: `configs/nsf_ar_mnist.py`.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.flow.nsf_conv'
  config.data.name = 'tfds:mnist'
  config.model = ConfigDict(
    dict(
      depth=8,  # steps a level
      levels=2,  # how often the image is halved
      width=32,  # channels of the networks
      num_blocks=1,  # residual blocks of a coupling
      bins=4,  # of a spline
      bound=3.0,  # the splines are the identity beyond it
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
  return preset(config, arg, depth=2, width=4)
