"""Glow on CIFAR-10 as published (Kingma & Dhariwal 2018, table 2 and appendix C; the released code's settings).

    python -m jaxgen.main --config=configs/glow_cifar.py

K=32, L=3, width 512, 44 million parameters; Adamax at 0.001 after a warm-up of ten epochs. Published: 3.35 bits per
dimension after 1,800 epochs of 50,000 images on 8 GPUs with 64 images each. Here a batch is 64, which fits one GPU of
16 GB, and `num_steps` is 250 epochs; `--mode=plan` tells what that takes on your device.

Not run to the end yet: no time or number to expect; `--mode=plan` tells what it takes on your device. A small version
is in `experiments/glow_cifar`.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset

EPOCH = 50_000 // 64


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.flow.glow'
  config.data.name = 'tfds:cifar10'
  config.model = ConfigDict(
    dict(
      depth=32,  # steps a level, K in the paper
      levels=3,  # L
      width=512,  # of the hidden convolutions
      coupling='affine',  # affine | additive
      least_scale=0.1,  # of an affine coupling; 0: the published one, whose samples may overflow
      border=True,  # convolutions see where the image ends, as in the released code
      temperature=1.0,  # of the samples
      base='standard_normal',  # standard_logistic | learned_normal | class_conditional | flow
      dequantization='usual',  # uniform | variational | none
    )
  )
  config.optimizer = optimizer(name='adamax', learning_rate=1e-3, warmup_steps=10 * EPOCH)
  config.batch_size = 64
  config.num_steps = 250 * EPOCH
  config.ema_decay = 0.999
  config.eval_every = 5 * EPOCH
  config.sample_every = EPOCH
  config.checkpoint_every = 1000
  return preset(config, arg, levels=2, depth=2, width=8)
