"""WaveNet with mixtures of logistics on plucked strings whose pitch is given: a teacher (van den Oord et al. 2017).

    python -m jaxgen.main --config=configs/wavenet_logistics_strings.py

On 2 CPU cores, shared: 3.0 CPU minutes for 3,000 steps. On the test split, exact, averaged weights: 3.452 ± 0.029 bits
per sample, of 256 codes, where `wavenet_strings` takes 2.811. 130 samples of all pitches are 37 cents (median) from the
pitch that was asked for, and 53 % of them within 50 cents of it; held-out strings 0.14 cents, and all of them. No
published numbers exist for these strings.
"""

from jaxgen.config import optimizer, preset
from jaxgen.config_files import load


def get_config(arg=''):
  config = load('wavenet_strings')
  config.model.distribution = 'logistics'  # a density, which Parallel WaveNet is distilled from
  config.optimizer = optimizer(learning_rate=1e-3, schedule='cosine', warmup_steps=100, clip_norm=1.0)
  return preset(config, arg, width=4, skip_width=4, num_dilations=2)
