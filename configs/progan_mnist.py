"""Progressive growing on MNIST, 28x28 (Karras et al. 2018): images of 7, 14 and 28 pixels.

    python -m jaxgen.main --config=configs/progan_mnist.py

The loss is the non-saturating one with R1 (Mescheder et al., "Which training methods for GANs do actually converge?",
2018), in place of WGAN-GP.

7 CPU minutes, 2,500 steps of 32 images: from step 600 on images have 14 pixels, from 1,200 on 28. A Fréchet distance to
the test images of 68.0, precision 0.58 and recall 0.74 (10,000 samples, features of a classifier of MNIST; curves and
samples in `experiments/gans`): most samples are digits that one can name, with broken strokes.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.gan.progan'
  config.data.name = 'tfds:mnist'
  config.model = ConfigDict(
    dict(
      latent_dim=64,
      generator_width=16,  # channels at full resolution, doubled with every halving
      discriminator_width=16,
      stable_steps=300,  # at each resolution
      fade_steps=300,  # from each resolution to the next
      loss='non_saturating',
      classifier_weight=0.0,
      discriminator_steps=1,  # per generator step
      penalty='r1',
      penalty_weight=0.1,
      penalty_period=4,
      weight_clip=0.0,
      augmentation='',  # color, translation, cutout: any, with commas
    )
  )
  config.optimizer = optimizer(learning_rate=2e-3, b1=0.0, b2=0.99)
  config.discriminator_optimizer = optimizer(learning_rate=2e-3, b1=0.0, b2=0.99)
  config.batch_size = 32
  config.num_steps = 2500
  config.ema_decay = 0.995
  config.steps_per_dispatch = 10
  config.log_every = 100
  config.eval_every = 2500
  config.sample_every = 500
  config.checkpoint_every = 500
  return preset(
    config,
    arg,
    image_size=14,
    latent_dim=8,
    generator_width=4,
    discriminator_width=4,
    stable_steps=0,
    fade_steps=1,
  )
