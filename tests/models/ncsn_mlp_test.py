import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from configs.ncsn_toy import get_config
from jaxgen import experiment, fields
from jaxgen.families.score.parameterizations import preconditioned
from jaxgen.models.score.ncsn_mlp import ScoreMLP, build
from jaxgen.types import DATA_AXIS, Field, State


@pytest.mark.parametrize('shape', [(2,), (3, 3, 1)])
def test_at_initialization_it_is_the_score_of_blurred_gaussian_data(shape):
  network = ScoreMLP(8, 1)
  x, sigma = jax.random.normal(jax.random.key(0), (3, *shape)), jnp.array([0.01, 1.0, 50.0])
  correction, _ = network.init_with_output(jax.random.key(1), x, sigma, {}, False)
  np.testing.assert_array_equal(correction, jnp.zeros_like(x))
  scale = (0.25 + sigma**2).reshape((3,) + (1,) * len(shape))
  np.testing.assert_allclose(preconditioned(0.5).score(correction, x, sigma), -x / scale, rtol=1e-5)


def test_two_far_modes_are_both_found():
  config = experiment.completed(get_config())
  with config.unlocked():
    config.data.fields = ConfigDict(fields.to_dict({'x': Field('vector', (2,), 0)}))
  config.model.update(dict(width=32, depth=1, path=dict(variance_exploding=dict(num_levels=15))))
  config.sampler.annealed.steps_per_level = 4
  config.num_steps = 400
  config.optimizer.update(dict(learning_rate=5e-3, warmup_steps=0))
  model = build(config)
  centres = jnp.array([[-2.0, 0.0], [2.0, 0.0]])

  def body(state, _):
    rng = jax.random.fold_in(state.rng, state.step)
    x = centres[jnp.arange(256) % 2] + 0.1 * jax.random.normal(rng, (256, 2))
    apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    return apply(state, rng, {'x': x})[0]._replace(step=state.step + 1), None

  @jax.jit
  def train_and_sample(rng):
    params, extra = model.init(rng, {})
    state = State(jnp.zeros((), jnp.int32), params, extra, model.update.init(params), rng)
    state, _ = jax.lax.scan(body, state, length=config.num_steps)
    return model.sample(state.params, state.extra, rng, 400)

  x = train_and_sample(jax.random.key(0))
  distance = np.linalg.norm(x[:, None] - centres, axis=-1)
  assert (distance.min(1) < 0.6).mean() > 0.9
  assert 0.25 < (distance.argmin(1) == 0).mean() < 0.75
