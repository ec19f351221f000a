"""`transformer_text`, wider and deeper, that sees three times as far and trains as long as the text lets it.

    python -m jaxgen.main --config=configs/transformer_text_large.py

Which needs `pip install 'jaxgen[text]'`. 20 minutes of processor time. On the test split, exact, averaged weights:
1.882 bits per character in windows that begin without a past, 1.852 in windows that overlap by half, and 1.793 where it
goes on learning as it reads (`python -m experiments.autoregressive`), where xz takes 1.868 after the training split. No
published numbers exist for this text.
"""

from jaxgen.config import preset
from jaxgen.config_files import load


def get_config(arg=''):
  config = load('transformer_text')
  config.data.context = 192  # tokens: some 500 characters
  config.model.width = 192
  config.model.num_layers = 4
  config.model.num_heads = 6
  config.model.dropout = 0.2
  config.optimizer.warmup_steps = 200
  config.batch_size = 12
  config.num_steps = 2400  # ten epochs; after those the validation split takes more bits again
  config.ema_decay = 0.995
  config.eval_every = 600
  config.checkpoint_every = 600
  return preset(config, arg, width=8, num_layers=1, num_heads=2)
