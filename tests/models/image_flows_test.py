"""What every flow of images does; a new one is a row."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from ml_collections import ConfigDict

from configs import glow_digits, nice_mnist, nsf_ar_mnist, nsf_digits, realnvp_digits
from jaxgen import experiment, fields
from jaxgen.bijectors import Bijector, UniformDequantization
from jaxgen.errors import UserError
from jaxgen.models.flow import glow, nice, nsf_ar_conv, nsf_conv, realnvp_conv
from jaxgen.types import DATA_AXIS, Extra, Field, GenerativeModel, Params, State

RNG = jax.random.key(0)
SHAPE, LEVELS = (4, 4, 1), 17
IMAGE = Field('image', SHAPE, LEVELS)


DENSITIES = {
  'standard_normal': jax.scipy.stats.norm.logpdf,
  'standard_logistic': jax.scipy.stats.logistic.logpdf,
}


class Row(NamedTuple):
  """A config's module, what it is made small by, and the bijector that this makes."""

  configs: object
  changes: dict
  bijector: Bijector


TABLE = {
  'glow': Row(
    glow_digits, dict(depth=1, levels=1, width=4, border=True), glow.glow(1, 1, 4, 'affine', 0.1, border=True)
  ),
  'nice': Row(nice_mnist, dict(depth=2), nice.nice(SHAPE, 2, 8, 1)),
  'nsf': Row(nsf_digits, dict(depth=1, levels=1, width=4, bins=3), nsf_conv.nsf(1, 1, 4, 1, 3, 3.0)),
  'nsf_ar': Row(
    nsf_ar_mnist,
    dict(width=4, kernel=3, bins=4),
    nsf_ar_conv.nsf_ar(SHAPE, 4, width=4, num_layers=1, first_kernel=3, kernel=3),
  ),
  'realnvp': Row(realnvp_digits, dict(levels=1, width=4), realnvp_conv.realnvp(SHAPE, 1, 4, 1, 0.0)),
}


def config(name, x=IMAGE, **changes):
  row = TABLE[name]
  config = row.configs.get_config('smoke')
  config.model.update(row.changes | changes)
  config.given = ('label',)
  config.optimizer.update(dict(learning_rate=0.01, warmup_steps=0, decay_steps=100))
  with config.unlocked():
    config.data.fields = ConfigDict(fields.to_dict({'x': x, 'label': Field('label', (), 10)}))
  return config


def images(num):
  rng = np.random.default_rng(0)
  ramp = np.linspace(0, LEVELS - 4, np.prod(SHAPE)).reshape(SHAPE)
  return {
    'x': jnp.asarray((ramp + rng.integers(4, size=(num, *SHAPE))).astype(np.uint8)),
    'label': jnp.asarray(rng.integers(10, size=num)),
  }


def trained(model, batch, num_steps):
  """`(params, extra, bits per dimension of each step)`."""

  def step(state, _):
    one = dict(in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    state, metrics = jax.vmap(model.update.apply, **one)(state, jax.random.fold_in(RNG, state.step), batch)
    return state._replace(step=state.step + 1), metrics['bits_per_dim'].total / len(batch['x'])

  params, extra = model.init(RNG, batch)
  state = State(jnp.zeros((), jnp.int32), params, extra, model.update.init(params), RNG)
  state, bits = jax.lax.scan(step, state, None, length=num_steps)
  return state.params, state.extra, bits


class Learned(NamedTuple):
  """A model, its training, and what that made of one batch."""

  name: str
  model: GenerativeModel
  run: Callable  # batch -> (params, extra, bits per dimension of each step)
  params: Params
  extra: Extra
  bits: jax.Array


# One is trained always. Those of one flow stay with one worker, which has trained it.
LEARNED = [
  pytest.param(
    name, marks=(pytest.mark.xdist_group(f'learned {name}'), *[pytest.mark.slow] * (name != 'realnvp'))
  )
  for name in TABLE
]


@pytest.fixture(scope='module', params=LEARNED)
def learned(request):
  model = experiment.build_model(config(request.param))
  run = jax.jit(partial(trained, model, num_steps=30))
  return Learned(request.param, model, run, *run(images(16)))


def test_it_learns(learned):
  assert np.isfinite(learned.bits).all()
  assert learned.bits[-5:].mean() < learned.bits[:3].mean() - 0.2


def test_images_of_one_value_give_no_nan(learned):
  params, extra, bits = learned.run({**images(16), 'x': jnp.zeros((16, *SHAPE), jnp.uint8)})
  assert np.isfinite(bits).all()
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((params, extra)))


@pytest.mark.slow
@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
@pytest.mark.parametrize('name', TABLE)
def test_ten_thousand_steps_on_a_few_images_with_constant_pixels_stay_finite(name, dtype):
  asked = config(name)
  asked.dtype = dtype
  asked.optimizer.decay_steps = 10_000
  model, batch = experiment.build_model(asked), images(8)
  batch = {**batch, 'x': batch['x'].at[:, ::2].set(0)}
  params, extra, bits = jax.jit(partial(trained, model, num_steps=10_000))(batch)
  assert np.isfinite(bits).all() and bits[-100:].mean() < bits[:10].mean() - 0.5
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((params, extra)))


def test_log_prob_is_the_change_of_variables_by_autodiff(learned):
  """Density of the latents times |det J|, with J from autodiff: none of the flow's own log-determinants."""
  name, model, _, params, extra, _ = learned
  log_density = DENSITIES[config(name).model.base]
  batch, variables = images(2), {'params': params['flow'], **extra.get('flow', {})}

  @jax.jit
  def both():
    dequantize = partial(UniformDequantization(LEVELS).apply, {}, method='forward_and_log_det')
    y, _ = dequantize(batch['x'], rngs={'dequantization': RNG})

    def latents(flat, label):
      given = {'label': jax.nn.one_hot(label, 10)[None]}
      forward = partial(TABLE[name].bijector.apply, method='forward_and_log_det')
      return ravel_pytree(forward(variables, flat.reshape(1, *SHAPE), given)[0])[0]

    def by_hand(flat, label):
      return log_density(latents(flat, label)).sum() + jnp.linalg.slogdet(jax.jacfwd(latents)(flat, label))[1]

    return model.log_prob(params, extra, RNG, batch), jax.vmap(by_hand)(y.reshape(2, -1), batch['label'])

  np.testing.assert_allclose(*both(), atol=5e-3, rtol=1e-4)


def test_it_inverts_and_its_samples_are_pixels(learned):
  _, model, _, params, extra, _ = learned
  batch = images(5)

  @jax.jit
  def run():
    latents = model.encode(params, extra, RNG, batch)
    return model.decode(params, extra, latents, {'label': batch['label']}), model.sample(
      params, extra, RNG, 5
    )

  again, samples = run()
  np.testing.assert_array_equal(again, batch['x'])
  assert samples.shape == (5, *SHAPE) and samples.dtype == jnp.uint8 and samples.max() < LEVELS


def test_half_of_the_channels_leave_after_every_level_of_real_nvp_but_the_last():
  bijector = realnvp_conv.realnvp((28, 28, 1), 3, 8, 1, 0.0)
  assert bijector.latent_shape((28, 28, 1)) == ((14, 14, 2), (7, 7, 4), (7, 7, 4))


@pytest.mark.parametrize('name', TABLE)
@pytest.mark.parametrize('x', [Field('vector', (2,), 0), Field('image', (8, 8, 1), 0)])
def test_other_data_are_refused(name, x):
  with pytest.raises(UserError, match='models images of discrete values.*jaxgen.models.flow.realnvp'):
    experiment.build_model(config(name, x=x))


@pytest.mark.parametrize('name, sides', [('glow', 6), ('nsf', 6), ('realnvp', 5)])
def test_sides_that_cannot_be_halved_are_refused(name, sides):
  with pytest.raises(UserError, match='set config.data.image_size to a multiple of'):
    experiment.build_model(config(name, x=Field('image', (sides, sides, 1), LEVELS), levels=2))
