"""A student of inverse autoregressive flows that a WaveNet of plucked strings teaches (van den Oord et al. 2018), after

    python -m jaxgen.main --config=configs/wavenet_logistics_strings.py --workdir=runs/wavenet_logistics_strings

    python -m jaxgen.main --config=configs/parallel_wavenet_strings.py
    python -m jaxgen.main --mode=sample --workdir=runs/parallel_wavenet_strings --use=samples --given.pitch=5

With a teacher of 300 steps of 8 sounds it comes within 0.24 nats per sample in 300 steps of 4, one minute of processor
time.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.flow.parallel_wavenet'
  config.data.name = 'audio:strings'
  config.data.context = 1024  # samples of an example
  config.stages.teacher = 'runs/wavenet_logistics_strings'
  config.given = ('pitch',)
  config.model = ConfigDict(
    dict(
      num_flows=4,
      width=32,
      skip_width=32,
      num_dilations=7,
      num_cycles=1,
      kernel=2,
      initial_scale=0.1,  # of the noise that comes out of all flows at first
      draws=16,  # of each sample given those before, by which the divergence is estimated
      power=0.0,  # the weight of the power term
      frame=256,
      hop=64,
      gamma=0.0,  # the weight of the contrastive term
    )
  )
  config.optimizer = optimizer(learning_rate=6e-3, schedule='cosine', warmup_steps=50, clip_norm=1.0)
  config.batch_size = 4
  config.num_steps = 1000
  config.ema_decay = 0.99
  config.steps_per_dispatch = 10
  config.num_samples = 16
  return preset(config, arg, num_flows=2, width=8, skip_width=8, num_dilations=3, draws=4)
