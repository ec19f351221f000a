"""DDPM on CIFAR-10 (Ho et al., "Denoising diffusion probabilistic models", 2020), with its network: 35.7 million
parameters.

    python -m jaxgen.main --config=configs/ddpm_cifar.py

Published after 800,000 steps: inception score 9.46, FID 3.17 (50,000 samples against the training set), at most 3.75
bits per dimension on the test set, by 1,000 evaluations of the network a sample:
`--config.sampler.name=ddpm --config.sampler.ddpm.num_steps=1000 --config.sampler.ddpm.variance=large`, the variance of
their released CIFAR-10 model. The default is DPM-Solver++ in 20 steps. Theirs are trained on mirrored images too.

Not run to the end, which two CPU cores cannot; of these settings parameters were counted and shapes traced, and the
preset ':smoke' was trained. `--mode=plan` tells what it takes on your device.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset

_SMOKE = dict(variance_preserving=dict(num_levels=25))


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.score.unet'
  config.data.name = 'tfds:cifar10'
  config.model = ConfigDict(
    dict(
      widths=(128, 256, 256, 256),  # channels at 32x32, 16x16, 8x8 and 4x4
      blocks=2,
      attention=(16,),  # heights at which all places see each other
      scales=False,  # the noise level shifts channels, and does not scale them
      rescaled=False,
      dropout=0.1,
      sigma_data=0.5,
      path=dict(name='variance_preserving', variance_preserving=dict(num_levels=1000)),
      parameterization='noise',
      weighting='noise',
      likelihood=dict(name='bound', bound=dict(terms=20)),  # of the 1,000 of its sum, drawn for each image
    )
  )
  config.sampler = ConfigDict(dict(name='dpm_solver', dpm_solver=dict(num_steps=20)))
  config.optimizer = optimizer(learning_rate=2e-4, warmup_steps=5000, clip_norm=1.0)
  config.batch_size = 128
  config.num_steps = 800_000
  config.ema_decay = 0.9999
  config.steps_per_dispatch = 10
  config.log_every = 500
  config.eval_every = 10_000
  config.sample_every = 10_000
  config.checkpoint_every = 1000
  return preset(
    config,
    arg,
    image_size=8,
    widths=(4,),
    blocks=1,
    attention=(),
    path=_SMOKE,
    likelihood=dict(bound=dict(terms=2)),
  )
