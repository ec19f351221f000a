"""A variational autoencoder of a table with missing values, scikit-learn's wines (Mattei & Frellsen 2019).

python -m jaxgen.main --config=configs/tabular_vae_wine.py
python -m jaxgen.main --mode=sample --workdir=runs/tabular_vae_wine --use=imputation --step=best
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.vae.tabular_vae'
  config.data.name = 'table:wine'  # or table:breast_cancer, table:<path>.csv
  config.data.missing = 0.5  # share of the values that is removed
  config.model = ConfigDict(
    dict(
      hidden=(64, 64),  # widths of the perceptrons
      latent_dim=4,
      likelihood_scale=0.5,  # the least sigma of numbers, in standard deviations of their column
      learned_scale=True,  # False: sigma is likelihood_scale
      reconstruction_weight=1.0,  # lambda_1
      kl_weight=1.0,  # lambda_2, beta
      kl_warmup_steps=0,
      importance_samples=64,  # K of the bound that is evaluated
      imputation_samples=1000,  # K of an imputation
    )
  )
  config.optimizer = optimizer(learning_rate=1e-3, schedule='cosine')
  config.batch_size = 64
  config.num_steps = 1000
  config.steps_per_dispatch = 50
  config.eval_every = 250
  config.sample_every = 1000
  config.checkpoint_every = 500
  config.num_samples = 16
  return preset(config, arg, hidden=(8,), latent_dim=2, importance_samples=4, imputation_samples=5)
