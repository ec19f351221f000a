"""What is compared: `configs/gan_toy.py` as it stands, and what is changed in it, by the keys of the config alone."""

from typing import Any

SETS = ('toy:grid_25', 'toy:eight_gaussians')
_RATES = 'optimizer', 'discriminator_optimizer'
RECIPES: dict[str, dict[str, Any]] = {
  'gan_toy': {},
  'no_penalty': {'model.penalty': ''},
  'heavy_penalty': {'model.penalty_weight': 0.1},
  'hinge': {'model.loss': 'hinge'},
  'least_squares': {'model.loss': 'least_squares'},
  'relativistic': {'model.loss': 'relativistic', 'model.penalty': 'r1_r2'},
  # Gulrajani et al., "Improved training of Wasserstein GANs", 2017, algorithm 1, at the rates of the config
  'wgan_gp': {
    'model.loss': 'wasserstein',
    'model.penalty': 'gradient_penalty',
    'model.penalty_weight': 10.0,
    'model.discriminator_steps': 5,
  },
  'constant_rates': {f'{player}.schedule': 'constant' for player in _RATES},
  'generator_rate_x10': {'optimizer.learning_rate': 0.05},
  'two_layers': {'model.hidden': (128, 128)},
}
