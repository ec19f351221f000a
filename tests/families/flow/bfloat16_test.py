"""Networks in bfloat16 leave densities in float32 and inverses exact, and nothing is ever nan."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import computing, data
from jaxgen.config import defaults
from jaxgen.families.flow import base, flow
from jaxgen.models.flow import glow
from jaxgen.types import DATA_AXIS, Field, State

RNG = jax.random.key(0)
ONE_VALUE = np.stack([np.full((8, 8, 1), value, np.uint8) for value in (0, 8, 16)])


@pytest.mark.parametrize(
  'num_steps', [30, pytest.param(10_000, marks=pytest.mark.slow)], ids=['quick', 'ten_thousand']
)
@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
def test_every_step_is_finite_with_images_of_one_value_and_the_inverse_still_inverts(dtype, num_steps):
  digits = data.load(data.resolve(defaults()).data, 'train')
  images = jnp.asarray(np.concatenate([ONE_VALUE, digits.examples(np.arange(64))['x']]))
  model = flow(
    glow.glow(depth=1, levels=1, width=4, coupling='affine', border=False),
    tx=optax.adam(1e-3),
    ema_decay=0.9,
    x=Field('image', (8, 8, 1), 17),
    base=base.learned_normal(),
  )
  model = computing.computed(model, dtype, remat=False)

  def step(state, _):
    rng = jax.random.fold_in(RNG, state.step)
    places = jax.random.randint(rng, (5,), len(ONE_VALUE), len(images))
    batch = {'x': images[jnp.concatenate([jnp.arange(len(ONE_VALUE)), places])]}
    move = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    state, metrics = move(state, rng, batch)
    finite = jnp.array([jnp.isfinite(metric.total) for metric in metrics.values()])
    return state._replace(step=state.step + 1), finite.all()

  @jax.jit
  def trained():
    params, extra = model.init(RNG, {'x': images})
    first = State(jnp.int32(0), params, extra, model.update.init(params), RNG)
    return jax.lax.scan(step, first, length=num_steps)

  state, finite = trained()
  assert finite.all()
  assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(state.params))
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.params))
  terms = jax.jit(model.evaluate)(state.params, state.extra, RNG, {'x': images})
  assert terms['log_det'].dtype == terms['log_prior'].dtype == jnp.float32
  assert terms['inversion_error'].max() < 1e-4
  assert all(np.isfinite(term).all() for term in terms.values())
  latents = jax.jit(model.encode)(state.params, state.extra, RNG, {'x': images})
  np.testing.assert_array_equal(jax.jit(model.decode)(state.params, state.extra, latents), images)
