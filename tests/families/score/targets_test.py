import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import config_files, data, experiment
from jaxgen.errors import UserError
from jaxgen.types import DATA_AXIS, State


def built(name, given=(), **changes):
  config = config_files.load(name)
  config.given = given
  config.model.update(changes)
  return experiment.build_model(experiment.completed(data.resolve(config)))


def first_loss(model, x):
  rng = jax.random.key(0)
  params, extra = model.init(rng, {})
  state = State(jnp.zeros((), jnp.int32), params, extra, model.update.init(params), rng)
  apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
  return float(apply(state, rng, {'x': x})[1]['loss'].compute())


def test_what_is_learned_from_a_batch_has_less_variance_and_evaluation_is_by_the_noise_itself():
  x = np.random.default_rng(0).normal(size=(256, 2)).astype(np.float32)
  losses, evaluated = {}, {}
  for name in ('own', 'batch'):
    model = built('ncsn_toy:smoke', target=name)
    losses[name] = first_loss(model, x)
    params, extra = model.init(jax.random.key(0), {})
    evaluated[name] = float(model.evaluate(params, extra, jax.random.key(1), {'x': x})['loss'].mean())
    assert ('given the batch' in model.objective) == (name == 'batch')
  assert losses['batch'] < 0.8 * losses['own']
  assert evaluated['batch'] == evaluated['own']


@pytest.mark.parametrize('changes', [dict(given=('label',)), dict(path=dict(coupling='optimal_transport'))])
def test_a_batch_of_which_not_all_may_have_had_the_noise_is_no_target(changes):
  with pytest.raises(UserError, match='learned from a whole batch .* set target to own'):
    built('ncsn_digits:smoke', target='batch', **changes)
