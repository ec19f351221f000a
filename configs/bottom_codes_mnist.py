"""A prior on the bottom codes of an autoencoder with two levels, of MNIST, given the top ones (Razavi et al. 2019),
after the three commands of `configs/top_codes_mnist.py`:

    python -m jaxgen.main --config=configs/bottom_codes_mnist.py
    python -m jaxgen.main --mode=sample --workdir=runs/bottom_codes_mnist --use=decoded

Takes 2.0 minutes of processor time on a CPU: 2.70 bits a code on validation, of the 7 that 128 codes would cost; with
the top codes 168 bits an image. The top codes are drawn too, by the stage `above`: most of the digits in `decoded.png`
can be read, some are torn.
"""

from jaxgen.config import preset
from jaxgen.config_files import load


def get_config(arg=''):
  config = load('codes_mnist')
  config.module = 'jaxgen.models.autoregressive.lower_codes_prior'
  config.data.name = 'npz:runs/vqvae2_mnist/sampled/codes_train_bottom.npz'
  config.stages.decoder = 'runs/vqvae2_mnist'
  config.stages.above = 'runs/top_codes_mnist'
  config.given = ('label', 'top')
  return preset(config, arg, width=8, num_layers=1, num_heads=2)
