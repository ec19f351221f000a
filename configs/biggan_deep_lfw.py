"""BigGAN-deep on 7,701 faces of Labeled Faces in the Wild at 45x45 (Brock et al. 2019), which have no labels.

    python -m jaxgen.main --config=configs/biggan_deep_lfw.py

Networks, loss, batch and rates are those of a comparison with a VAE of the same blocks, where BigGAN-deep trained for
210 epochs of all 13,233 faces, to an inception score of 2.9 and an FID of 27; as many steps here.

Not run to the end, which two CPU cores cannot. `--mode=plan` tells what it takes on your device.
"""

from jaxgen.config import preset
from jaxgen.config_files import load


def get_config(arg=''):
  config = load('biggan_lfw')
  config.module = 'jaxgen.models.gan.biggan_deep'
  config.model.width = 128
  config.model.blocks_per_resolution = 2
  config.batch_size = 256
  config.num_steps = 10_900
  return preset(config, arg, image_size=11, blocks_per_resolution=1, attention=0, latent_dim=8, width=1)
