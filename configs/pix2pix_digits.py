"""pix2pix on the embedded 8x8 digits: inverted and rotated ones to digits, from pairs (Isola et al. 2017).

    python -m jaxgen.main --config=configs/pix2pix_digits.py
    python -m jaxgen.main --mode=sample --workdir=runs/pix2pix_digits --use=translation

The U-Net and the patch discriminator of the paper, at the size of these images; the noise is dropout, also when
translations are drawn. 80 seconds of processor time, compiling included: a mean absolute error to the truth of 6.0 % of
the range of grey on the 300 test digits, and of 3.8 % without the noise (--knobs.temperature=0).

A folder of one's own, with two sub-folders of files of the same names: --config.data.name=pairs:<folder>
--config.data.twin=()
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.gan.pix2pix'
  config.data.name = 'digits'
  config.data.twin = ('inverted', 'rotated')
  config.given = ('y',)
  config.model = ConfigDict(
    dict(
      latent_dim=8,  # of the mixer
      generator='unet',  # or mixer: translate_digits
      width=32,  # 64 in the paper
      num_layers=2,  # of the mixer
      halvings=3,  # 8 in the paper, of 256 pixels: down to one
      discriminator='patch',
      discriminator_width=32,  # 64 in the paper
      discriminator_halvings=1,  # 3 in the paper
      loss='non_saturating',  # non_saturating, hinge, wasserstein ...: jaxgen.losses.gan.LOSSES
      l1_weight=100.0,  # lambda
      classifier_weight=0.0,  # AC-GAN
      discriminator_steps=1,  # per generator step
      penalty='',  # '' | r1 | r2 | r1_r2 | gradient_penalty | dragan
      penalty_weight=0.0,
      penalty_period=1,
      weight_clip=0.0,  # WGAN
      augmentation='',
    )
  )
  config.optimizer = optimizer(learning_rate=1e-3, schedule='cosine', b1=0.5, b2=0.999)
  config.discriminator_optimizer = optimizer(learning_rate=1e-3, schedule='cosine', b1=0.5, b2=0.999)
  config.batch_size = 64
  config.num_steps = 1500
  config.ema_decay = 0.99
  config.steps_per_dispatch = 25
  config.log_every = 100
  config.eval_every = 500
  config.sample_every = 500
  config.checkpoint_every = 500
  return preset(config, arg, latent_dim=2, width=4, num_layers=1, discriminator_width=4)
