"""BigGAN-deep on 7,701 faces of Labeled Faces in the Wild at 45x45 (Brock et al. 2019), which have no labels.

    python -m jaxgen.main --config=configs/biggan_deep_lfw.py

Networks, loss, batch and rates are those of a comparison with a VAE of the same blocks, where BigGAN-deep trained for
210 epochs of all 13,233 faces, to an inception score of 2.9 and an FID of 27; as many steps here.

Not run to the end, which two CPU cores cannot. `--mode=plan` tells what it takes on your device.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.gan.biggan_deep'
  config.data.name = 'tfds:lfw_subset64'
  config.data.image_size = 45
  config.model = ConfigDict(
    dict(
      width=128,  # ch
      blocks_per_resolution=2,
      attention=23,  # the side of its images; 0: none
      embedding_dim=128,  # of the labels
      slope=0.0,  # of rectifiers below 0: leaky ReLU
      spectral_norm=True,  # in both networks
      orthogonal_weight=1e-4,
      latent_dim=128,
      loss='non_saturating',
      classifier_weight=0.0,  # AC-GAN
      discriminator_steps=1,  # per generator step
      penalty='',
      penalty_weight=0.0,
      penalty_period=1,
      weight_clip=0.0,  # WGAN
      augmentation='',  # color, translation, cutout: any, with commas
    )
  )
  config.optimizer = optimizer(learning_rate=5e-5, b1=0.0)
  config.discriminator_optimizer = optimizer(learning_rate=2e-4, b1=0.0)
  config.batch_size = 256
  config.num_steps = 10_900
  config.ema_decay = 0.9999
  config.log_every = 100
  config.eval_every = 2000
  config.sample_every = 1000
  config.checkpoint_every = 1000
  return preset(config, arg, image_size=23, blocks_per_resolution=1, attention=12, latent_dim=8, width=1)
