"""A Transformer of the Python standard library's documentation, in merged pairs of bytes (after Vaswani et al. 2017).

    python -m jaxgen.main --config=configs/transformer_text.py

Which needs `pip install 'jaxgen[text]'`. On 2 CPU cores, shared: 3.3 CPU minutes for 700 steps. On the test split,
exact, averaged weights: 2.097 bits per character (`python -m experiments.autoregressive`), where xz takes 2.225 of
that split alone and 1.868 after the training split, which the model has read three times; its own windows begin without
a past. No published numbers exist for this text.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.autoregressive.transformer'
  config.data.name = 'text:stdlib'
  config.data.tokenizer = 'bpe'
  config.data.vocabulary = 1024
  config.data.context = 64  # tokens of an example, and those that attention sees: some 200 characters
  config.model = ConfigDict(
    dict(
      width=128,  # a multiple of twice the heads
      num_layers=3,
      num_heads=4,
      dropout=0.0,
    )
  )
  config.optimizer = optimizer(learning_rate=2e-3, schedule='cosine', warmup_steps=50, clip_norm=1.0)
  config.batch_size = 32
  config.num_steps = 700
  config.ema_decay = 0.98
  config.steps_per_dispatch = 10
  config.eval_every = 350
  config.sample_every = 0
  config.num_samples = 16
  return preset(config, arg, width=8, num_layers=1, num_heads=2)
