"""BigGAN-deep on CIFAR-10 (Brock et al. 2019), told the label.

    python -m jaxgen.main --config=configs/biggan_deep_cifar.py

Networks, loss, batch and rates are those of a comparison with a VAE of the same blocks, where BigGAN-deep trained for
345 epochs, to an inception score of 6.2 and an FID of 22. StudioGAN reports 9.96 and 4.16 of BigGAN (train
reference), with other networks for 32x32. `blocks_per_resolution` counts at each of the three sides that the generator
grows to: 2 are 6 blocks in all.

Not run to the end, which two CPU cores cannot. `--mode=plan` tells what it takes on your device.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.gan.biggan_deep'
  config.data.name = 'tfds:cifar10'
  config.given = ('label',)
  config.model = ConfigDict(
    dict(
      width=128,  # ch
      blocks_per_resolution=2,
      attention=16,  # the side of its images; 0: none
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
  config.num_steps = 67_000
  config.ema_decay = 0.9999
  config.log_every = 100
  config.eval_every = 2000
  config.sample_every = 1000
  config.checkpoint_every = 1000
  return preset(
    config, arg, image_size=16, blocks_per_resolution=1, attention=8, latent_dim=8, width=1, embedding_dim=4
  )
