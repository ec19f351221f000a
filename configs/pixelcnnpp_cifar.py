"""PixelCNN++ on CIFAR-10 as published (Salimans et al. 2017, section 3.1 and the released code's settings).

  python -m jaxgen.main --config=configs/pixelcnnpp_cifar.py

Width 160, five layers at each of three sizes, ten logistics in a mixture, dropout 0.5; Adam at 0.001 with moments that
decay by 0.95 and 0.9995, an average of the weights with decay 0.9995. Published: 2.92 bits per dimension after five
days on 8 GPUs (about 600 epochs, batches of 8 x 16). The rate here falls by a cosine, where theirs falls by 5e-6 of
itself in each step; the weights are not normalized, nor initialized by the data.

Not run to the end yet: no time or number to expect; `--mode=plan` tells what it takes on your device.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset

EPOCH = 50_000 // 128


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.autoregressive.pixelcnnpp'
  config.data.name = 'tfds:cifar10'
  config.model = ConfigDict(
    dict(
      width=160,
      num_layers=5,  # of both streams at each size
      num_sizes=3,  # 32x32, 16x16 and 8x8
      components=10,  # logistics in a mixture
      dropout=0.5,
    )
  )
  config.optimizer = optimizer(learning_rate=1e-3, schedule='cosine', b1=0.95, b2=0.9995)
  config.batch_size = 128
  config.num_steps = 600 * EPOCH
  config.ema_decay = 0.9995
  config.eval_every = 10 * EPOCH
  config.sample_every = 10 * EPOCH
  config.checkpoint_every = 5 * EPOCH
  return preset(config, arg, image_size=8, width=4, num_layers=1, num_sizes=2, components=2)
