"""A variational autoencoder of BigGAN's blocks on 7,701 faces of Labeled Faces in the Wild at 45x45: the twin of
`biggan_lfw`.

    python -m jaxgen.main --config=configs/biggan_vae_lfw.py

The comparison with BigGAN trained it for 170 epochs of all 13,233 faces, to an inception score of 1.3
and an FID of 19 (with the blocks of BigGAN-deep: 172, 1.3 and 15).
Of its settings the width, the blocks and the batch are known, and that the loss is MSE + KL; sigma is 0.5, the unit
variance of pixels between -1 and 1, and z has 128 numbers (--config.model.latent_dim=256, 512). BigGAN-deep's blocks:
--config.model.deep=True --config.model.width=128 --config.model.blocks_per_resolution=2 --config.batch_size=256

Not run to the end: two CPU cores cannot. 30 steps with 2 channels, 16 images and a rate of 1e-3 bring the loss from
2,498 nats (mean of the first ten) to 2,226 (of the last). `--mode=plan` tells what it takes on your device.
"""

from jaxgen.config import preset
from jaxgen.config_files import load


def get_config(arg=''):
  config = load('biggan_vae_cifar')
  config.data.name = 'tfds:lfw_subset64'
  config.data.image_size = 45
  config.given = ()
  config.model.attention = 23
  config.num_steps = 4_400  # 170 epochs of 13,233
  return preset(
    config, arg, image_size=11, attention=0, latent_dim=4, width=1, embedding_dim=4, importance_samples=2
  )
