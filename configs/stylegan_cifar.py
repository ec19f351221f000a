"""StyleGAN2 on CIFAR-10, 32x32 (Karras et al. 2020, with 512 channels at most).

    python -m jaxgen.main --config=configs/stylegan_cifar.py

The settings are those of its authors for CIFAR-10 (the release of Karras et al., "Training generative adversarial
networks with limited data", 2020): two mapping layers, neither mixed styles nor path lengths, R1 of 0.01, here with
skips in the discriminator, groups of 4 for the deviation within a batch (theirs: 32) and two thirds of their steps.
With labels and an adaptive augmentation, of which there is neither here, they report an FID of 2.42.
`--config.given="('label',)"` gives labels, `--config.model.augmentation` a fixed augmentation.

Not run to the end yet: no time or number to expect; `--mode=plan` tells what it takes on your device.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.gan.stylegan'
  config.data.name = 'tfds:cifar10'
  config.model = ConfigDict(
    dict(
      latent_dim=512,  # and of a style
      generator_width=512,  # channels at full resolution, doubled with every halving, up to 512
      discriminator_width=512,
      mapping_layers=2,
      mapping_rate=0.01,
      style_mixing=0.0,
      path_length_weight=0.0,
      path_length_period=4,
      loss='non_saturating',
      classifier_weight=0.0,
      discriminator_steps=1,  # per generator step
      penalty='r1',
      penalty_weight=0.01,
      penalty_period=16,
      weight_clip=0.0,
      augmentation='',  # color, translation, cutout: any, with commas
    )
  )
  config.optimizer = optimizer(learning_rate=2.5e-3, b1=0.0, b2=0.99)
  config.discriminator_optimizer = optimizer(learning_rate=2.5e-3, b1=0.0, b2=0.99)
  config.batch_size = 64
  config.num_steps = 1_000_000
  config.ema_decay = 0.9999
  config.steps_per_dispatch = 10
  config.log_every = 500
  config.eval_every = 10_000
  config.sample_every = 5000
  config.checkpoint_every = 1000
  return preset(config, arg, image_size=8, latent_dim=8, generator_width=4, discriminator_width=4)
