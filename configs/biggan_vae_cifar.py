"""A variational autoencoder of BigGAN's blocks on CIFAR-10, told the label: the twin of `biggan_cifar`.

    python -m jaxgen.main --config=configs/biggan_vae_cifar.py

The comparison with BigGAN trained it for 110 epochs, to an inception score of 1.6 and an FID of 39 (with the
blocks of BigGAN-deep: 185, 1.6 and 40). Of its settings the width, the blocks and the batch are known, and that the
loss is MSE + KL; sigma here is 0.5, the unit variance of pixels between -1 and 1, and z has 128 numbers
(--config.model.latent_dim=256, 512). BigGAN-deep's blocks:
--config.model.deep=True --config.model.width=128 --config.model.blocks_per_resolution=2 --config.batch_size=256

Not run to the end: two CPU cores cannot. 40 steps with 2 channels, 16 images and a rate of 1e-3 bring the loss from
1,308 nats (mean of the first ten) to 1,111 (of the last). `--mode=plan` tells what it takes on your device.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.vae.biggan_vae'
  config.data.name = 'tfds:cifar10'
  config.given = ('label',)
  config.model = ConfigDict(
    dict(
      deep=False,  # the blocks of BigGAN-deep
      width=96,  # ch
      blocks_per_resolution=1,
      attention=16,  # the side of its images; 0: none
      embedding_dim=128,  # of the labels
      slope=0.0,  # of rectifiers below 0: leaky ReLU
      spectral_norm=True,  # in both networks
      latent_dim=128,
      likelihood='gaussian',
      likelihood_scale=0.5,  # sigma, where pixels fill the unit interval
      reconstruction_weight=1.0,
      kl_weight=1.0,
      kl_warmup_steps=0,
      importance_samples=8,  # K of the bound that is evaluated
    )
  )
  config.optimizer = optimizer(learning_rate=2e-4)
  config.batch_size = 512
  config.num_steps = 9_700  # 110 epochs
  config.ema_decay = 0.9999
  config.log_every = 100
  config.eval_every = 2000
  config.sample_every = 1000
  config.checkpoint_every = 1000
  return preset(
    config, arg, image_size=16, latent_dim=4, width=1, attention=8, embedding_dim=4, importance_samples=2
  )
