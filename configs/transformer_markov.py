"""A Transformer of a Markov chain of eight states, whose entropy rate is known: what a language model can lack at most.

    python -m jaxgen.main --config=configs/transformer_markov.py

On 2 CPU cores, shared: 0.3 CPU minutes for 600 steps. Averaged weights: 1.724 bits a token on the test split, exact.
The entropy rate is 1.707, and that of whole sequences of 64, of which the first token has nothing before it, 1.722: in
expectation no model can need less. On the test split the chain itself takes 1.7218 (standard error 0.0025).
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.autoregressive.transformer'
  config.data.name = 'markov:8'
  config.data.context = 64  # tokens of an example
  config.model = ConfigDict(
    dict(
      width=32,  # a multiple of twice the heads
      num_layers=1,
      num_heads=2,
      dropout=0.0,
    )
  )
  config.optimizer = optimizer(learning_rate=5e-3, schedule='cosine', warmup_steps=20)
  config.batch_size = 32
  config.num_steps = 600
  config.ema_decay = 0.98
  config.steps_per_dispatch = 20
  config.log_every = 100
  config.eval_every = 300
  config.sample_every = 0
  config.num_samples = 16
  return preset(config, arg, width=8)
