"""A vector-quantized autoencoder on the embedded 8x8 digits (van den Oord et al. 2017).

    python -m jaxgen.main --config=configs/vqvae_digits.py

On 2 CPU cores: 1 minute, -log p(x|z) of 57 nats and a reconstruction error of 0.0043 (mean square, pixels in [0, 1]) on
the test set; 50 of the 64 codes are in use. A grid of 4x4 codes for each digit, 96 bits. It has no prior: look at the
reconstructions, and at `perplexity`, the number of codes in use. Its samples are of codes drawn uniformly; a prior is a
second run, on its codes.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.vae.vqvae'
  config.data.name = 'digits'
  config.model = ConfigDict(
    dict(
      channels=(64,),  # one halving of the image each
      num_codes=64,
      code_dim=16,
      commitment_weight=0.25,  # beta
      codebook_decay=0.99,  # gamma
      likelihood='discretized_logistic',  # bernoulli | gaussian | laplace | discretized_logistic
      likelihood_scale=0.1,  # sigma of gaussian, b of laplace, where pixels fill the unit interval
    )
  )
  config.optimizer = optimizer(learning_rate=1e-3, schedule='cosine')
  config.batch_size = 128
  config.num_steps = 1000
  config.steps_per_dispatch = 50
  config.log_every = 100
  config.eval_every = 250
  config.sample_every = 500
  config.checkpoint_every = 500
  return preset(config, arg, channels=(8,), num_codes=8, code_dim=4)
