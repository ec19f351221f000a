"""Gated PixelCNN on statically binarized MNIST, the classical benchmark in nats (van den Oord et al. 2016).

  python -m jaxgen.main --config=configs/pixelcnn_binary_mnist.py

56 minutes of processor time of one core: after 12,000 steps of 16 images (3.6 epochs of the 54,000 that are not held
out) the test images take 81.8 nats (exact; standard error 0.20). Published are 81.3 for a PixelCNN without gates and
79.2 for a PixelRNN, trained to their ends ("Pixel recurrent neural networks", 2016, table 4). A pixel is told of 17
rows above it and as many columns on either side. `--config.num_steps=3000 --config.model.kernel=3
--config.model.width=24 --config.model.num_layers=5`, which sees half as far, takes 5 minutes to 90.1 nats.

The pixels are Bernoulli draws of the grey intensities, made once and for all by split and place of the image
(`jaxgen.data.transformations.binarized`); the published numbers are of Salakhutdinov & Murray's draw (2008), likewise
fixed.
"""

from jaxgen.config import optimizer, preset
from jaxgen.config_files import load


def get_config(arg=''):
  config = load('pixelcnn_mnist')
  config.data.binarized = True
  config.model.width = 32
  config.model.num_layers = 7
  config.model.kernel = 5
  config.model.dropout = 0.0
  config.optimizer = optimizer(learning_rate=3e-3, schedule='cosine', warmup_steps=100, clip_norm=1000.0)
  config.batch_size = 16
  config.num_steps = 12_000
  config.eval_every = 4000
  config.sample_every = 6000
  config.checkpoint_every = 1000
  config.ema_decay = 0.999
  return preset(config, arg, width=4, num_layers=1, first_kernel=3, kernel=3)
