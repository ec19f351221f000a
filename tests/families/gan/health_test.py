"""A sentence for each thing that is bad in a game, and none for a healthy one."""

import re

import numpy as np
import pytest

from configs import gan_toy
from jaxgen import train
from jaxgen.families.gan.health import health, of_both_sides, overfitting

FINE = {
  'real_accuracy': 0.7,
  'fake_accuracy': 0.8,
  'discriminator_accuracy': 0.8,
  'real_logit': 1.0,
  'fake_logit': -1.0,
  'generator_grad_norm': 0.3,
  'discriminator_grad_norm': 84.0,
  'variety': 0.9,
}
HELD_OUT = {
  'real_logit': 0.8,
  'fake_logit': -1.0,
  'real_accuracy': 0.65,
  'generator_spectral_norm': 9.0,
  'discriminator_spectral_norm': 30.0,
}
# what is bad -> changes of the training's row and of the held-out one, and the sentence
BAD = {
  'won': (
    {'real_accuracy': 0.99, 'fake_accuracy': 0.995},
    {},
    'tells 99% of the real and 100% of the generated',
  ),
  'by heart': (
    {},
    {'real_logit': -0.6, 'real_accuracy': 0.2},
    r'look 80% of the way .* \(20% are taken for real, of training examples 70%\): .* by heart',
  ),
  'collapsed': ({'variety': 0.004}, {}, 'vary 0.4% as much as real ones: the generator has collapsed'),
  'exploded': (
    {},
    {'discriminator_spectral_norm': 12345.6},
    'weight of the discriminator stretches what it gets 12,346 times',
  ),
  'a generator that stands still': (
    {'generator_grad_norm': 0.0},
    {},
    'The generator gets no gradient: nothing',
  ),
  'a discriminator that stands still': (
    {'discriminator_grad_norm': 1e-7},
    {},
    'The discriminator gets no gradient: .* nothing to teach',
  ),
  'a generator that is thrown': (
    {'generator_grad_norm': 1234.5},
    {},
    'The gradient of the generator has a norm of 1,234: it explodes',
  ),
  'a discriminator that is thrown': (
    {'discriminator_grad_norm': 2e7},
    {},
    'The gradient of the discriminator has a norm of 20,000,000: it explodes',
  ),
}
ANY = 'has won|by heart|has collapsed|explodes|no gradient'


def test_a_healthy_game_is_not_worth_a_word():
  assert health(FINE, HELD_OUT, FINE) == []


@pytest.mark.parametrize('name', BAD)
def test_what_is_bad_is_said(name):
  changes, held_out, sentence = BAD[name]
  (found,) = health(FINE | changes, HELD_OUT | held_out, FINE)
  assert re.search(sentence, found) and re.search(ANY, found)


def test_a_game_without_a_boundary_is_judged_by_what_it_has():
  row = {key: value for key, value in FINE.items() if not key.endswith(('real_accuracy', 'fake_accuracy'))}
  assert health(row, HELD_OUT, row) == []
  assert health(row, HELD_OUT | {'real_logit': -1.0}, row)


def test_logits_that_drift_together_are_no_memory():
  """At one moment all lie lower than in the mean over the last steps, of training and of held-out examples alike."""
  now = {side: value - 5 for side, value in FINE.items() if side.endswith('_logit')}
  assert health(FINE, HELD_OUT | now, FINE | now) == []
  assert overfitting(FINE, now) > 1


def test_overfitting_by_hand():
  np.testing.assert_allclose(overfitting(FINE, HELD_OUT), 0.1)
  assert overfitting(FINE | {'real_logit': -1.0}, HELD_OUT) == 0.0
  near = FINE | {'real_logit': 1e-3, 'fake_logit': 0.0, 'discriminator_accuracy': 0.55}
  assert health(near, {'real_logit': 0.0, 'fake_logit': 0.0}, near) == []  # too near to say


# a game whose players keep up with each other, of rates at which it goes well
BALANCED = {
  'model.hidden': (64, 64),
  'optimizer.learning_rate': 0.01,
  'optimizer.b1': 0.5,
  'discriminator_optimizer.b1': 0.5,
}
# what is done to a small game, and what its run then says; of a control nothing is said
RUNS = {
  'none of these': (BALANCED, ''),
  'the discriminator learns alone': (
    {'optimizer.learning_rate': 0.0, 'discriminator_optimizer.learning_rate': 0.05},
    'it has won',
  ),
  "the generator's rate ten times as high": (
    BALANCED | {'optimizer.learning_rate': 10 * BALANCED['optimizer.learning_rate']},
    'the generator has collapsed',
  ),
  'rates without measure': (
    {'optimizer.learning_rate': 1000.0},
    'of the generator stretches .* explodes',
  ),
  'few examples': (
    {'data.name': 'npz:few.npz'},
    'the discriminator learns the training set by heart',
  ),
}


@pytest.mark.parametrize('name', RUNS)
def test_a_run_that_is_bad_says_so_and_no_other(name, tmp_path, capsys, monkeypatch):
  changes, sentence = RUNS[name]
  monkeypatch.chdir(tmp_path)
  x = np.random.default_rng(0).normal(size=(210, 8)).astype(np.float32)
  np.savez('few.npz', x_train=x[:10], x_test=x[10:])
  config = gan_toy.get_config('smoke')
  config.data.validation = 0.0  # what is held out is the test split
  config.model.update(dict(hidden=(64,), penalty=''))
  for optimizer, rate in ((config.optimizer, 1e-3), (config.discriminator_optimizer, 0.01)):
    optimizer.update(dict(learning_rate=rate, schedule='constant'))
  config.update(dict(batch_size=64, num_steps=300, log_every=50, sample_every=0, checkpoint_every=0))
  config.update_from_flattened_dict(changes)
  config.eval_every = config.num_steps
  train.train(config, tmp_path / 'run')
  said = [line for line in capsys.readouterr().out.splitlines() if re.search(ANY, line)]
  assert any(re.search(sentence, line) for line in said) if sentence else said == []


def test_two_domains_have_a_game_each():
  won = FINE | {'real_accuracy': 1.0, 'fake_accuracy': 0.99}
  row = {f'x_{name}': value for name, value in FINE.items()} | {
    f'y_{name}': value for name, value in won.items()
  }
  assert of_both_sides(row, row | {'to_x_spectral_norm': 10.0}, row) == [
    f'Of y: {sentence}' for sentence in health(won, won, won)
  ]
  (said,) = of_both_sides(row, row | {'to_x_spectral_norm': 2e3}, row)[1:]
  assert said.startswith('A weight of the to_x stretches what it gets 2,000 times')
  (said,) = of_both_sides(row | {'to_x_to_y_grad_norm': 0.0}, row, row)[1:]
  assert said == 'The to_x_to_y gets no gradient.'
