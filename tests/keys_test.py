import jax
import numpy as np
import pytest

from jaxgen import evaluate, keys


def data_of(key):
  return tuple(np.asarray(jax.random.key_data(key)).tolist())


def test_every_purpose_has_a_key_of_its_own():
  assert len({data_of(keys.of(3, purpose)) for purpose in keys.TAGS}) == len(keys.TAGS)
  assert data_of(keys.of(3, 'samples')) != data_of(keys.of(4, 'samples'))


def test_training_starts_from_the_keys_that_it_always_had():
  """Checkpoints hold the second of them: with another one a resumed run would be another run."""
  init, run = jax.random.split(jax.random.key(3))
  assert data_of(keys.of(3, 'init')) == data_of(init)
  assert data_of(keys.of(3, 'training')) == data_of(run)


@pytest.mark.parametrize('purpose', sorted(set(keys.TAGS) - {'training'}))
def test_no_purpose_draws_the_noise_of_a_training_step(purpose):
  steps = {data_of(jax.random.fold_in(keys.of(0, 'training'), step)) for step in range(300)}
  noise = {data_of(jax.random.fold_in(keys.of(0, purpose), index)) for index in range(300)}
  assert not noise & steps


def test_evaluation_draws_from_its_own_tag():
  """A model whose term is its key, on a split of three batches."""

  class Split:
    def __len__(self):
      return 6

    def examples(self, indices):
      return {'x': np.zeros((len(indices), 1), np.float32)}

  class Model:
    summary = None

    def evaluate(self, params, extra, rng, batch):
      return {'noise': jax.random.uniform(rng, (len(batch['x']),))}

  found = evaluate.evaluator(Model(), Split(), 2, seed=5)({}, {})['noise']
  draws = [
    jax.random.uniform(jax.random.fold_in(keys.of(5, 'evaluation'), index), (2,)) for index in range(3)
  ]
  np.testing.assert_allclose(found, np.mean(draws), rtol=1e-6)
  training = [
    jax.random.uniform(jax.random.fold_in(keys.of(5, 'training'), index), (2,)) for index in range(3)
  ]
  assert abs(found - np.mean(training)) > 1e-3
