"""BigGAN on 7,701 faces of Labeled Faces in the Wild at 45x45 (Brock et al. 2019), which have no labels.

    python -m jaxgen.main --config=configs/biggan_lfw.py

Networks, loss, batch and rates are those of a comparison with a VAE of the same blocks, where BigGAN trained for
185 epochs of all 13,233 faces, to an inception score of 2.7 and an FID of 29; as many steps here.

Not run to the end, which two CPU cores cannot: 156 million parameters, 4,800 steps of 72 TFLOP. `--mode=plan` tells
what it takes on your device. At width 8 and batches of 32 it stays finite for 100 steps, with a `variety` near 1, and
has colored clouds.
"""

from jaxgen.config import preset
from jaxgen.config_files import load


def get_config(arg=''):
  config = load('biggan_cifar')
  config.data.name = 'tfds:lfw_subset64'
  config.data.image_size = 45
  config.given = ()
  config.model.attention = 23
  config.num_steps = 4_800
  return preset(config, arg, image_size=11, latent_dim=8, width=1, attention=0)
