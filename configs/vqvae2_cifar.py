"""An autoencoder with two levels of codes on CIFAR-10, 32x32 with 256 levels (Razavi et al. 2019).

    python -m jaxgen.main --config=configs/vqvae2_cifar.py

Not run to the end yet: after 500 of the 1,500 steps, 2 minutes of processor time on a CPU, the reconstruction error is
0.0091 (mean square, pixels in [0, 1]) on the first 1,000 test images, of 4x4 and 8x8 codes, 640 bits: colours and
shapes, no details. The published networks are 128 channels wide with 512 codes, for images of 256x256.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.vae.vqvae2'
  config.data.name = 'tfds:cifar10'
  config.model = ConfigDict(
    dict(
      channels=(16, 32),  # one halving of the image each, to the bottom codes
      top_channels=(32,),  # one more each, to the top codes
      num_codes=256,  # of either codebook
      code_dim=16,
      commitment_weight=0.25,  # beta
      codebook_decay=0.99,  # gamma
      likelihood='discretized_logistic',  # bernoulli | gaussian | laplace | discretized_logistic
      likelihood_scale=0.1,  # sigma of gaussian, b of laplace, where pixels fill the unit interval
    )
  )
  config.optimizer = optimizer(learning_rate=2e-3, schedule='cosine')
  config.batch_size = 64
  config.num_steps = 1500
  config.ema_decay = 0.99
  config.steps_per_dispatch = 50
  config.log_every = 100
  config.eval_every = 500
  config.sample_every = 1000
  config.checkpoint_every = 500
  return preset(config, arg, channels=(2, 2), top_channels=(2,), num_codes=8, code_dim=2)
