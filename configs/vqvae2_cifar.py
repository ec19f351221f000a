"""An autoencoder with two levels of codes on CIFAR-10, 32x32 with 256 levels (Razavi et al. 2019).

    python -m jaxgen.main --config=configs/vqvae2_cifar.py

2.5 minutes of one core: after 1,500 steps the reconstruction error of the 10,000 test images is 0.0065
(mean square, pixels in [0, 1]; standard error 0.00004), of 4x4 and 8x8 codes, 640 bits: colours and shapes, few
details. Of the codes 3 % (bottom) and 13 % (top) are dead. The published networks are 128 channels wide with 512 codes,
for images of 256x256.
"""

from jaxgen.config import preset
from jaxgen.config_files import load


def get_config(arg=''):
  config = load('vqvae2_mnist')
  config.data.name = 'tfds:cifar10'
  config.model.num_codes = 256
  config.num_steps = 1500
  return preset(config, arg, channels=(2, 2), top_channels=(2,), num_codes=8, code_dim=2)
