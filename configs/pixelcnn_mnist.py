"""Gated PixelCNN on MNIST, 28x28 with 256 grey levels (van den Oord et al. 2016).

  python -m jaxgen.main --config=configs/pixelcnn_mnist.py

Not run to the end yet: no time or number to expect; `--mode=plan` tells what it takes on your device.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.autoregressive.pixelcnn'
  config.data.name = 'tfds:mnist'
  config.model = ConfigDict(
    dict(
      width=64,  # a multiple of the image's channels
      num_layers=10,  # after the first
      first_kernel=7,
      kernel=5,
      dropout=0.1,
    )
  )
  config.optimizer = optimizer(learning_rate=1e-3, schedule='cosine', warmup_steps=500, clip_norm=1000.0)
  config.batch_size = 64
  config.num_steps = 50_000
  config.steps_per_dispatch = 10
  config.log_every = 100
  config.eval_every = 5000
  config.sample_every = 5000
  config.checkpoint_every = 1000
  return preset(config, arg, image_size=8, width=4, num_layers=1, first_kernel=3, kernel=3)
