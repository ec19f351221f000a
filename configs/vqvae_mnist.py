"""A vector-quantized autoencoder on MNIST, 28x28 with 256 grey levels (van den Oord et al. 2017).

    python -m jaxgen.main --config=configs/vqvae_mnist.py

Takes 3.7 minutes of processor time on a CPU: -log p(x|z) of 667 nats on validation, and a reconstruction error of
0.0040 (mean square, pixels in [0, 1]) on the test set; 100 of the 128 codes are in use, by their perplexity. A grid of
7x7 codes for each digit, 343 bits: `experiments/codes` holds that beside WebP and JPEG. It has no prior: that is a
second run, on its codes, `configs/codes_mnist.py`.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.vae.vqvae'
  config.data.name = 'tfds:mnist'
  config.model = ConfigDict(
    dict(
      channels=(16, 32),  # one halving of the image each
      num_codes=128,
      code_dim=16,
      commitment_weight=0.25,  # beta
      codebook_decay=0.99,  # gamma
      likelihood='discretized_logistic',  # bernoulli | gaussian | laplace | discretized_logistic
      likelihood_scale=0.1,  # sigma of gaussian, b of laplace, where pixels fill the unit interval
    )
  )
  config.optimizer = optimizer(learning_rate=2e-3, schedule='cosine')
  config.batch_size = 64
  config.num_steps = 3000
  config.ema_decay = 0.99
  config.steps_per_dispatch = 50
  config.log_every = 200
  config.eval_every = 1000
  config.sample_every = 1500
  config.checkpoint_every = 1000
  return preset(config, arg, channels=(2, 4), num_codes=8, code_dim=4)
