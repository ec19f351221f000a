"""Digits and inverted, rotated ones without pairs, each carried to the other (after Zhu et al. 2017).

    python -m jaxgen.main --config=configs/translate_digits_unpaired.py
    python -m jaxgen.main --mode=sample --workdir=runs/translate_digits_unpaired --use=translation

Takes 5 minutes of processor time, and ends at an error of 0.07 there and back, and of 0.36 against the truth: the
networks find a translation that can be undone, not the true one. `experiments/translation` has it beside that of pairs.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.gan.cyclegan'
  config.data.name = 'digits'
  config.data.twin = ('inverted', 'rotated')
  config.data.paired = False
  config.model = ConfigDict(
    dict(
      generator='mixer',  # or resnet: cyclegan_digits
      width=32,
      num_layers=2,
      halvings=2,  # of resnet
      discriminator='small',  # or patch
      discriminator_width=32,
      discriminator_halvings=1,  # of patch
      loss='least_squares',  # non_saturating, hinge, wasserstein ...: jaxgen.losses.gan.LOSSES
      cycle_weight=10.0,  # lambda
      identity_weight=0.0,
      pool=0,  # earlier translations that discriminators see
    )
  )
  config.optimizer = optimizer(learning_rate=2e-3, schedule='cosine', b1=0.5, b2=0.99)
  config.discriminator_optimizer = optimizer(learning_rate=1e-3, b1=0.5, b2=0.99)
  config.batch_size = 64
  config.num_steps = 2000
  config.ema_decay = 0.99
  config.steps_per_dispatch = 25
  config.log_every = 100
  config.eval_every = 500
  config.sample_every = 500
  config.checkpoint_every = 500
  return preset(config, arg, width=4, num_layers=1, discriminator_width=4)
