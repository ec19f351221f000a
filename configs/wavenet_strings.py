"""WaveNet on plucked strings whose pitch is given (van den Oord et al. 2016).

    python -m jaxgen.main --config=configs/wavenet_strings.py
    python -m jaxgen.main --mode=sample --workdir=runs/wavenet_strings --use=samples --given.pitch=0,4,7,12

On 2 CPU cores, shared: 3.2 CPU minutes for 3,000 steps. On the test split, exact, averaged weights: 2.811 ± 0.022 bits
per sample, of 256 codes. 130 samples of all pitches are 5.8 cents (median) from the pitch that was asked for, and 75 %
of them within 50 cents of it; held-out strings 0.14 cents, and all of them. No published numbers exist for these
strings.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.autoregressive.wavenet'
  config.data.name = 'audio:strings'
  config.data.context = 1024  # samples of an example
  config.given = ('pitch',)
  config.model = ConfigDict(
    dict(
      width=32,
      skip_width=64,
      num_dilations=6,  # 1, 2, 4, ..., 32
      num_cycles=2,
      kernel=2,
      distribution='categorical',  # or logistics: a teacher of Parallel WaveNet
      components=5,  # of logistics
    )
  )
  config.optimizer = optimizer(learning_rate=3e-3, schedule='cosine', warmup_steps=100, clip_norm=1.0)
  config.batch_size = 4
  config.num_steps = 3000
  config.ema_decay = 0.99
  config.steps_per_dispatch = 10
  config.eval_every = 1000
  config.sample_every = 0
  config.num_samples = 13
  return preset(config, arg, width=4, skip_width=4, num_dilations=2)
