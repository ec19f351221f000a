"""A prior on the top codes of an autoencoder with two levels, of MNIST (Razavi et al. 2019), after

    python -m jaxgen.main --config=configs/vqvae2_mnist.py --workdir=runs/vqvae2_mnist
    python -m jaxgen.main --mode=sample --workdir=runs/vqvae2_mnist --use=codes --step=best

    python -m jaxgen.main --config=configs/top_codes_mnist.py

Takes 0.9 minutes of processor time on a CPU: 2.20 bits a code on validation, of the 7 that 128 codes would cost. The
bottom codes, and images, are drawn by `configs/bottom_codes_mnist.py`.
"""

from jaxgen.config import preset
from jaxgen.config_files import load


def get_config(arg=''):
  config = load('codes_mnist')
  config.data.name = 'npz:runs/vqvae2_mnist/sampled/codes_train_top.npz'
  config.stages.decoder = 'runs/vqvae2_mnist'
  config.model.look_back = 5  # in rows of four, those up to above and to the left
  return preset(config, arg, width=8, num_layers=1, num_heads=2)
