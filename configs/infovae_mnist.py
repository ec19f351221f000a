"""An InfoVAE on MNIST, 28x28 with 256 grey levels (Zhao et al. 2019): the latents as a whole are drawn to the prior.

    python -m jaxgen.main --config=configs/infovae_mnist.py

1.3 minutes of processor time: after 2,000 steps (5 epochs) the test images take 1.653 bits per dimension
(importance-weighted bound, K = 16; standard error 0.005), and the squared discrepancy of 128 latents and as many draws
of the prior is 0.0015; its estimate is unbiased, 0 on average where both are of the prior.
"""

from jaxgen.config import preset
from jaxgen.config_files import load


def get_config(arg=''):
  config = load('vae_mnist')
  config.model.objective = 'infovae'
  config.model.infovae_alpha = 0.0
  config.model.infovae_lambda = 1000.0  # nats are many, and the discrepancy is at most 2
  config.model.kl_weight = 1.0
  config.model.hidden = (256, 256)
  config.num_steps = 2000
  config.eval_every = 2000
  config.sample_every = 1000
  config.checkpoint_every = 2000
  return preset(config, arg, hidden=(16,), channels=(4, 8), latent_dim=3, importance_samples=2)
