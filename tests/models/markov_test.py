"""A chain of known entropy rate, learned to within 2 % of it."""

import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import transformer_markov
from jaxgen import data, evaluate, experiment, train
from jaxgen.data.densities import markov

MODELS = {
  'transformer': {},
  'rnnlm': dict(cell='gru', width=32, num_layers=1, dropout=0.0),
}


@pytest.mark.slow
@pytest.mark.parametrize('name', MODELS)
def test_a_language_model_needs_the_entropy_rate_of_a_chain_and_less_than_2_per_cent_more(name, tmp_path):
  config = transformer_markov.get_config()
  config.module = f'jaxgen.models.autoregressive.{name}'
  config.model = ConfigDict(MODELS[name] or config.model.to_dict())
  config.eval_every = 0
  train.train(config, tmp_path)
  trained, test = experiment.load(tmp_path), data.load(config.data, 'test')
  params, extra = list(trained.weights().values())[-1]
  bits = evaluate.evaluator(trained.model, test, config.batch_size)(params, extra)['bits_per_dim']
  chain = markov.transitions(8)
  rate, least = markov.entropy_rate(chain), markov.entropy(chain, config.data.context) / config.data.context
  error = 0.005  # of the mean over the split, twice
  assert least / np.log(2) - error < bits < 1.02 * rate / np.log(2)
