"""A prior on the codes of a trained vector-quantized autoencoder of MNIST (van den Oord et al. 2017), after

    python -m jaxgen.main --config=configs/vqvae_mnist.py --workdir=runs/vqvae_mnist
    python -m jaxgen.main --mode=sample --workdir=runs/vqvae_mnist --use=codes --step=best

    python -m jaxgen.main --config=configs/codes_mnist.py
    python -m jaxgen.main --mode=sample --workdir=runs/codes_mnist --use=decoded

Takes 1.9 minutes of processor time on a CPU: 2.82 bits a code on validation, of the 7 that 128 codes would cost, 138
bits an image; more than half of the digits in `decoded.png` can be read, the others are torn.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.autoregressive.codes_prior'
  config.data.name = 'npz:runs/vqvae_mnist/sampled/codes_train.npz'
  config.stages.decoder = 'runs/vqvae_mnist'
  config.given = ('label',)
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
