"""A prior on the top codes of an autoencoder with two levels, of MNIST (Razavi et al. 2019), after

    python -m jaxgen.main --config=configs/vqvae2_mnist.py --workdir=runs/vqvae2_mnist
    python -m jaxgen.main --mode=sample --workdir=runs/vqvae2_mnist --use=codes --step=best

    python -m jaxgen.main --config=configs/top_codes_mnist.py

Takes 0.9 minutes of processor time on a CPU: 2.20 bits a code on validation, of the 7 that 128 codes would cost. The
bottom codes, and images, are drawn by `configs/bottom_codes_mnist.py`.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.autoregressive.codes_prior'
  config.data.name = 'npz:runs/vqvae2_mnist/sampled/codes_train_top.npz'
  config.stages.decoder = 'runs/vqvae2_mnist'
  config.given = ('label',)
  config.model = ConfigDict(
    dict(
      width=64,  # a multiple of the heads
      num_layers=2,
      num_heads=4,
      look_back=5,  # codes before each that are embedded together: in rows of four, those up to above and to the left
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
