"""A ladder of three levels of latents on statically binarized MNIST (Sonderby et al. 2016).

    python -m jaxgen.main --config=configs/ladder_mnist.py

3.5 minutes of processor time: after 4,000 steps (9 epochs of the 54,000 images that are not held out) the test images
take 91.7 nats (importance-weighted bound, K = 64; standard error 0.25). Published are 81.7, of five levels of 64 to 4
latents with batch normalization, after 2,000 epochs (K = 5000); more steps go on from here. All levels are in use: of a
KL of 26.0 nats the lowest has 19.4, the middle 3.0 and the top 3.6; `--mode=sample --use=levels` shows what each holds.
After 16,000 steps it takes 87.2 nats (K = 200); after 32,000, of training images that are drawn anew in every epoch
(`--config.data.binarized_draws=100`), 85.2, 84.8 by K = 5000 (10 minutes; `experiments/vae_mnist`).

How the pixels are binarized: `jaxgen.data.transformations.binarized`.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.vae.ladder'
  config.data.name = 'tfds:mnist'
  config.data.binarized = True
  config.model = ConfigDict(
    dict(
      hidden=(512, 256, 128),  # width of the perceptrons of each level
      latent_dims=(32, 16, 8),  # numbers in the latent of each level, the lowest first
      likelihood='bernoulli',  # of pixels that are black or white
      likelihood_scale=0.1,
      reconstruction_weight=1.0,  # lambda_1
      kl_weight=1.0,  # lambda_2, beta
      kl_warmup_steps=1000,
      importance_samples=64,  # K of the bound that is evaluated
    )
  )
  config.optimizer = optimizer(learning_rate=1e-3, schedule='cosine')
  config.batch_size = 128
  config.num_steps = 4000
  config.steps_per_dispatch = 50
  config.log_every = 200
  config.eval_every = 4000
  config.sample_every = 4000
  config.checkpoint_every = 4000
  return preset(
    config, arg, hidden=(12, 8, 8), latent_dims=(4, 3, 2), kl_warmup_steps=2, importance_samples=2
  )
