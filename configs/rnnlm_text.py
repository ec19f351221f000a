"""An LSTM of the characters of the Python standard library's documentation (after Mikolov et al. 2010).

    python -m jaxgen.main --config=configs/rnnlm_text.py

On 2 CPU cores, shared: 1.8 CPU minutes for 500 steps. On the test split, exact, averaged weights: 2.401 bits per
character (`python -m experiments.autoregressive`), where gzip takes 2.454 of that split alone and xz 2.225, and
2.420 and 1.869 after the training split; the model's windows begin without a past. No published numbers exist for this
text.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.autoregressive.rnnlm'
  config.data.name = 'text:stdlib'
  config.data.context = 128  # characters of an example
  config.model = ConfigDict(
    dict(
      cell='lstm',  # or gru
      width=192,  # of embeddings and cells
      num_layers=1,
      dropout=0.0,
    )
  )
  config.optimizer = optimizer(learning_rate=4e-3, schedule='cosine', warmup_steps=50, clip_norm=1.0)
  config.batch_size = 32
  config.num_steps = 500
  config.ema_decay = 0.98
  config.steps_per_dispatch = 10
  config.eval_every = 250
  config.sample_every = 0
  config.num_samples = 16
  return preset(config, arg, width=8)
