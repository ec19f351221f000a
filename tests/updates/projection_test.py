import numpy as np
import optax
import pytest

from jaxgen import updates
from tests.updates.steps import apply, game, quadratic, state_of


def test_parameters_end_on_the_edge_exactly_and_inside_stay_as_they_are():
  limit = np.float32(0.01)
  update = updates.chain(
    updates.minimize(quadratic(3.0), optax.sgd(0.1), wrt='w'), updates.project(updates.clipped(0.01))
  )
  state, metrics = apply(update, state_of(update, {'w': -0.2, 'inside': 0.003, 'below': -7.0}))
  assert state.params == {'w': limit, 'inside': np.float32(0.003), 'below': -limit}
  assert metrics['loss'].count == 4


def test_only_the_player_that_is_named_is_projected():
  update = updates.chain(game(periods=(1, 1)), updates.project(updates.clipped(1.0), wrt='d'))
  state, _ = apply(update, state_of(update, {'d': 8.0, 'g': 8.0}))
  assert state.params == {'d': 1.0, 'g': 4.0}


def test_any_projection_will_do():
  update = updates.project(optax.projections.projection_non_negative, wrt=['w'])
  state, metrics = apply(update, state_of(update, {'w': -2.0, 'v': -2.0}))
  assert state.params == {'w': 0.0, 'v': -2.0}
  assert metrics == {}


def test_what_cannot_be_is_refused():
  with pytest.raises(ValueError, match='must be positive, not 0'):
    updates.clipped(0.0)
  update = updates.project(updates.clipped(1.0), wrt='critic')
  with pytest.raises(KeyError, match='critic'):
    update.init({'w': 1.0})
