"""BigGAN-deep on CIFAR-10 (Brock et al. 2019), told the label.

    python -m jaxgen.main --config=configs/biggan_deep_cifar.py

Networks, loss, batch and rates are those of a comparison with a VAE of the same blocks, where BigGAN-deep trained for
345 epochs, to an inception score of 6.2 and an FID of 22. StudioGAN reports 9.96 and 4.16 of BigGAN (train
reference), with other networks for 32x32. `blocks_per_resolution` counts at each of the three sides that the generator
grows to: 2 are 6 blocks in all.

Not run to the end, which two CPU cores cannot. `--mode=plan` tells what it takes on your device.
"""

from jaxgen.config import preset
from jaxgen.config_files import load


def get_config(arg=''):
  config = load('biggan_cifar')
  config.module = 'jaxgen.models.gan.biggan_deep'
  config.model.width = 128
  config.model.blocks_per_resolution = 2
  config.batch_size = 256
  config.num_steps = 67_000
  return preset(
    config, arg, image_size=16, blocks_per_resolution=1, attention=8, latent_dim=8, width=1, embedding_dim=4
  )
