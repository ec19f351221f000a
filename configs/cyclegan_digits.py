"""CycleGAN on the embedded 8x8 digits and inverted ones, without pairs (Zhu et al. 2017).

    python -m jaxgen.main --config=configs/cyclegan_digits.py
    python -m jaxgen.main --mode=sample --workdir=runs/cyclegan_digits --use=translation

The ResNet generators, the patch discriminators and the pool of earlier translations of the paper, at the size of these
images. 3.6 minutes of processor time, compiling included: a mean absolute error to the truth of 3.8 % of the range of
grey from digits to inverted ones and 3.7 % back, on the 300 test digits; 4.5 % there and back again.

What is not identifiable: two distributions and a cycle allow every translation that carries the one to the other and
can be undone, so also the true one after any exchange of digits that leaves their distribution as it is. Nothing in the
data tells these apart; that the inversion is found is owed to the network, to which it is the simplest of them. With
other networks and a quarter turn beside it, `translate_digits_unpaired`, another one than the true one is found.

A folder of one's own, with two sub-folders of images: --config.data.name=domains:<folder> --config.data.twin=()
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.gan.cyclegan'
  config.data.name = 'digits'
  config.data.twin = ('inverted',)
  config.data.paired = False
  config.model = ConfigDict(
    dict(
      generator='resnet',  # or mixer: translate_digits_unpaired
      width=16,  # 64 in the paper
      num_layers=3,  # residual blocks; 6 or 9 in the paper
      halvings=1,  # 2 in the paper, of 128 or 256 pixels
      discriminator='patch',
      discriminator_width=32,  # 64 in the paper
      discriminator_halvings=1,  # 3 in the paper
      loss='least_squares',  # non_saturating, hinge, wasserstein ...: jaxgen.losses.gan.LOSSES
      cycle_weight=10.0,  # lambda
      identity_weight=0.0,
      pool=50,  # earlier translations that discriminators see
    )
  )
  config.optimizer = optimizer(learning_rate=1e-3, schedule='linear', b1=0.5, b2=0.999)
  config.discriminator_optimizer = optimizer(learning_rate=1e-3, schedule='linear', b1=0.5, b2=0.999)
  config.batch_size = 32
  config.num_steps = 2000
  config.ema_decay = 0.99
  config.steps_per_dispatch = 25
  config.log_every = 100
  config.eval_every = 500
  config.sample_every = 500
  config.checkpoint_every = 500
  return preset(config, arg, width=4, num_layers=1, discriminator_width=4, pool=8)
