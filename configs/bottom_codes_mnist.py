"""A prior on the bottom codes of an autoencoder with two levels, of MNIST, given the top ones (Razavi et al. 2019),
after the three commands of `configs/top_codes_mnist.py`:

    python -m jaxgen.main --config=configs/bottom_codes_mnist.py
    python -m jaxgen.main --mode=sample --workdir=runs/bottom_codes_mnist --use=decoded

Takes 2.0 minutes of processor time on a CPU: 2.70 bits a code on validation, of the 7 that 128 codes would cost; with
the top codes 168 bits an image. The top codes are drawn too, by the stage `above`: most of the digits in `decoded.png`
can be read, some are torn.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.autoregressive.lower_codes_prior'
  config.data.name = 'npz:runs/vqvae2_mnist/sampled/codes_train_bottom.npz'
  config.stages.decoder = 'runs/vqvae2_mnist'
  config.stages.above = 'runs/top_codes_mnist'
  config.given = ('label', 'top')
  config.model = ConfigDict(
    dict(
      width=64,  # a multiple of the heads
      num_layers=2,
      num_heads=4,
      look_back=8,  # codes before each that are embedded together: in rows of seven, those up to above and to the left
      dropout=0.0,
    )
  )
  config.optimizer = optimizer(
    learning_rate=2e-3, schedule='cosine', name='adamw', weight_decay=0.1, clip_norm=1.0
  )
  config.batch_size = 32
  config.num_steps = 1500
  config.ema_decay = 0.99
  config.steps_per_dispatch = 50
  config.log_every = 250
  config.eval_every = 500
  config.sample_every = 1000
  config.checkpoint_every = 500
  return preset(config, arg, width=8, num_layers=1, num_heads=2)
