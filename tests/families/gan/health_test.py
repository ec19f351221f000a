"""A sentence for each thing that is bad in a game, and none for a healthy one."""

import re

import numpy as np
import pytest

from configs import gan_toy
from jaxgen import train
from jaxgen.families.gan.health import health, overfitting

FINE = {
  'real_accuracy': 0.7,
  'fake_accuracy': 0.8,
  'discriminator_accuracy': 0.8,
  'real_logit': 1.0,
  'fake_logit': -1.0,
  'generator_grad_norm': 0.3,
}
HELD_OUT = {'real_logit': 0.8, 'fake_logit': -1.0}
# what is bad -> changes of the training's row and of the held-out one, and the sentence
BAD = {
  'won': (
    {'real_accuracy': 0.99, 'fake_accuracy': 0.995},
    {},
    'tells 99% of the real and 100% of the generated',
  ),
  'by heart': ({}, {'real_logit': -0.6}, 'look 80% of the way .* by heart'),
  'still': ({'generator_grad_norm': 0.0}, {}, 'gets no gradient'),
}


def test_a_healthy_game_is_not_worth_a_word():
  assert health(FINE, HELD_OUT) == []


@pytest.mark.parametrize('name', BAD)
def test_what_is_bad_is_said(name):
  changes, held_out, sentence = BAD[name]
  (found,) = health(FINE | changes, HELD_OUT | held_out)
  assert re.search(sentence, found)


def test_a_game_without_a_boundary_is_judged_by_what_it_has():
  row = {key: value for key, value in FINE.items() if not key.endswith(('real_accuracy', 'fake_accuracy'))}
  assert health(row, HELD_OUT) == []
  assert health(row, HELD_OUT | {'real_logit': -1.0})


def test_overfitting_by_hand():
  np.testing.assert_allclose(overfitting(FINE, HELD_OUT), 0.1)
  assert overfitting(FINE | {'real_logit': -1.0}, HELD_OUT) == 0.0
  near = FINE | {'real_logit': 1e-3, 'fake_logit': 0.0, 'discriminator_accuracy': 0.55}
  assert health(near, {'real_logit': 0.0, 'fake_logit': 0.0}) == []  # too near to say


def test_a_run_whose_discriminator_wins_says_so(tmp_path, capsys):
  config = gan_toy.get_config('smoke')
  config.model.update(dict(hidden=(64,), penalty=''))
  config.optimizer.learning_rate = 0.0
  config.discriminator_optimizer.learning_rate = 0.05
  config.update(
    dict(batch_size=64, num_steps=300, log_every=50, eval_every=300, sample_every=0, checkpoint_every=0)
  )
  train.train(config, tmp_path)
  assert 'it has won' in capsys.readouterr().out
