"""An autoencoder with two levels of codes on MNIST, 28x28 with 256 grey levels (Razavi et al. 2019).

    python -m jaxgen.main --config=configs/vqvae2_mnist.py

Takes 4.9 minutes of processor time on a CPU: -log p(x|z) of 714 nats on validation, and a reconstruction error of
0.0053 (mean square, pixels in [0, 1]) on the test set; by their perplexity 112 of the 128 top codes and 97 of the
bottom ones are in use. 4x4 and 7x7 codes for each digit, 455 bits, which the priors `configs/top_codes_mnist.py` and
`configs/bottom_codes_mnist.py` bring to 168. So small an image gains nothing by a second level: one, of 343 bits, errs
by 0.0040 after fewer minutes, see `configs/vqvae_mnist.py`.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.vae.vqvae2'
  config.data.name = 'tfds:mnist'
  config.model = ConfigDict(
    dict(
      channels=(16, 32),  # one halving of the image each, to the bottom codes
      top_channels=(32,),  # one more each, to the top codes
      num_codes=128,  # of either codebook
      code_dim=16,
      commitment_weight=0.25,  # beta
      codebook_decay=0.99,  # gamma
      likelihood='discretized_logistic',  # bernoulli | gaussian | laplace | discretized_logistic
      likelihood_scale=0.1,  # sigma of gaussian, b of laplace, where pixels fill the unit interval
    )
  )
  config.optimizer = optimizer(learning_rate=2e-3, schedule='cosine')
  config.batch_size = 64
  config.num_steps = 2500
  config.ema_decay = 0.99
  config.steps_per_dispatch = 50
  config.log_every = 100
  config.eval_every = 500
  config.sample_every = 1000
  config.checkpoint_every = 500
  return preset(config, arg, channels=(2, 2), top_channels=(2,), num_codes=8, code_dim=2)
