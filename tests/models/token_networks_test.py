"""What holds of every network that models tokens; a new one is a row."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgen import fields
from jaxgen.families.autoregressive import autoregressive, token_by_token, whole_network
from jaxgen.families.distributions import Distribution, categorical
from jaxgen.families.logistic_mixtures import logistic_mixture
from jaxgen.models.autoregressive.charlm import CharLM, cached
from jaxgen.models.autoregressive.codes_prior import CodesPrior
from jaxgen.models.autoregressive.codes_prior import cached as cached_codes
from jaxgen.models.autoregressive.rnnlm import RNNLM
from jaxgen.models.autoregressive.transformer import Transformer
from jaxgen.models.autoregressive.wavenet import WaveNet
from jaxgen.samplers import run
from jaxgen.samplers.ancestral import ancestral
from jaxgen.types import DataSpec, Field
from tests.models.knobs import KNOBS

LENGTH = 10
LABEL = Field('label', (), 3)


class Row(NamedTuple):
  """A network of tokens `levels -> nn.Module`, how it is sampled, how many tokens before it an output sees, the shape
  of its LENGTH tokens, the codes that it is given, and `levels -> Distribution`, what its outputs mean."""

  make: Callable[[int], nn.Module]
  predictor: Callable = lambda network: token_by_token(network.levels)
  reach: int = LENGTH
  shape: tuple[int, ...] = (LENGTH,)
  above: DataSpec = {}
  distribution: Callable[[int], Distribution] = categorical


def codes_prior(above):
  """A row of a prior on codes in a grid, of which all positions know the codes above."""
  grid = (2, LENGTH // 2)
  make = lambda levels: CodesPrior(  # noqa: E731
    CharLM(LENGTH, levels, 8, 2, 2, look_back=3), grid, tuple(above.items())
  )
  return Row(make, cached_codes, shape=grid, above=above)


NETWORKS = {
  'charlm': Row(lambda levels: CharLM(LENGTH, levels, 8, 2, 2, look_back=3), cached),
  'lstm': Row(lambda levels: RNNLM(levels, 'lstm', 8, 1)),
  'gru, two layers': Row(lambda levels: RNNLM(levels, 'gru', 8, 2)),
  'transformer': Row(lambda levels: Transformer(LENGTH, levels, 8, 2, 2)),
  # each of two layers sees two positions more than its own, and a position stands for the token before it
  'transformer, past its window': Row(lambda levels: Transformer(3, levels, 8, 2, 2), reach=5),
  'codes': codes_prior({}),
  'codes below others': codes_prior({'top': Field('tokens', (1, 3), LENGTH + 1)}),
}
# These read values and no tokens; layers of two samples, 1, 2 and 4 apart, see seven besides that which stands before.
OF_VALUES = {
  'wavenet': Row(lambda levels: WaveNet(levels, 4, 16, (1, 2, 4)), reach=8),
  'wavenet of logistics': Row(
    lambda levels: WaveNet(levels, 4, 6, (1, 2, 4), components=2),
    reach=8,
    distribution=lambda levels: logistic_mixture(levels, 2),
  ),
}
every_network = pytest.mark.parametrize('name', NETWORKS | OF_VALUES)


def variables_of(network, *args):
  """Parameters far from their beginning, so that every part of the network shows."""
  shapes = jax.eval_shape(lambda rng: network.init(rng, *args, False), jax.random.key(0))
  noise = np.random.default_rng(0)
  return jax.tree.map(lambda leaf: jnp.asarray(noise.normal(0, 0.5, leaf.shape), leaf.dtype), shapes)


def model_of(row, network, levels, given=None, predictor=whole_network):
  """The model of this network, given the fields of its row and others."""
  x = Field('tokens', row.shape, levels)
  spec = {**row.above, **(given or {})}
  settings = dict(tx=optax.sgd(0.1), ema_decay=0.0, x=x, given=spec, distribution=row.distribution(levels))
  return autoregressive(network, predictor=predictor, **settings)


def codes_above(row, num, code=None):
  """Values of the fields of a row: one code everywhere, or others for each example."""
  values = {
    name: jnp.arange(num * fields.size(field)).reshape(num, *field.shape) % field.levels
    for name, field in row.above.items()
  }
  return values if code is None else jax.tree.map(lambda codes: jnp.full_like(codes, code), values)


@pytest.mark.parametrize('name', NETWORKS)
def test_the_jacobian_is_zero_at_and_after_each_position_and_nowhere_before(name):
  """By what is read of each token: no two are alike, so that a row of the table is one position; codes above are of a
  row that none of them reads."""
  row = NETWORKS[name]
  network = row.make(LENGTH)
  x = jax.random.permutation(jax.random.key(0), LENGTH).reshape(1, *row.shape)
  given = codes_above(row, 1, code=LENGTH)
  variables = variables_of(network, x, given)
  mix = jax.random.normal(jax.random.key(1), (LENGTH,))

  @jax.jit
  @jax.jacobian
  def jacobian(moved):
    def read(method, args, kwargs, context):
      found = method(*args, **kwargs)
      is_table = isinstance(context.module, nn.Embed) and context.method_name == '__call__'
      return found + moved[args[0] % (LENGTH + 1)] if is_table else found

    with nn.intercept_methods(read):
      return (network.apply(variables, x, given, False)[0] @ mix).reshape(-1)

  influence = np.abs(jacobian(jnp.zeros((LENGTH + 1, 8)))).max(-1)[:, x.reshape(-1)]  # [output, input]
  np.testing.assert_array_equal(influence != 0, within(row.reach))


def within(reach):
  """Whether an input is one of so many before an output, bool[output, input]."""
  distance = np.arange(LENGTH)[:, None] - np.arange(LENGTH)
  return (distance > 0) & (distance <= reach)


@pytest.mark.parametrize('name', OF_VALUES)
def test_another_value_moves_the_outputs_that_see_it_and_no_bit_of_the_others(name):
  row, levels = OF_VALUES[name], 300
  network = row.make(levels)
  x = jax.random.randint(jax.random.key(0), (LENGTH,), 0, levels)
  variables = variables_of(network, x[None], {})
  others = jnp.where(jnp.eye(LENGTH, dtype=bool), (x + levels // 2) % levels, x)
  outputs = jax.jit(lambda xs: jax.lax.map(lambda x: network.apply(variables, x[None], {}, False)[0], xs))
  first, *moved = np.asarray(outputs(jnp.concatenate([x[None], others])))
  np.testing.assert_array_equal((np.stack(moved, 1) != first[:, None]).any(-1), within(row.reach))


@every_network
def test_a_token_at_a_time_gives_the_samples_of_the_whole_network_whatever_is_turned(name):
  """Of 300 tokens, given labels, several chains in one program."""
  row, levels = (NETWORKS | OF_VALUES)[name], 300
  network = row.make(levels)
  given = {'label': jnp.array([0, 1, 2, 2]), **codes_above(row, 4)}
  quick, naive = (
    model_of(row, network, levels, {'label': LABEL}, predictor)
    for predictor in (row.predictor(network), whole_network)
  )
  prepared = {**given, 'label': jax.nn.one_hot(given['label'], 3)}
  params = {'network': variables_of(network, jnp.zeros((4, *row.shape), jnp.int32), prepared)['params']}
  draws = [
    jax.jit(lambda rng, knobs, model=model: model.sample(params, {}, rng, 4, given, **knobs))
    for model in (quick, naive)
  ]
  found = []
  for knobs in KNOBS:
    several = [draw(jax.random.key(5), {**quick.knobs, **knobs}) for draw in draws]
    np.testing.assert_array_equal(*several)
    found.append(several[0])
  assert max(x.max() for x in found) > 255 and found[0].dtype == jnp.int32
  assert len(np.unique(np.asarray(found[0]), axis=0)) == 4
  half = jnp.broadcast_to(jnp.arange(LENGTH).reshape(row.shape) < LENGTH // 2, found[0].shape)
  batch = {'x': jnp.where(half, found[0], 0), **given}
  again = jax.jit(partial(quick.complete, params, {}))(jax.random.key(5), batch, half)
  np.testing.assert_array_equal(again, found[0])


@every_network
def test_the_log_masses_of_a_chain_add_up_to_the_log_probability_of_its_sample(name):
  row, levels = (NETWORKS | OF_VALUES)[name], 7
  network, given = row.make(levels), codes_above(row, 5)
  start = jnp.zeros((5, *row.shape), jnp.int32)
  variables = variables_of(network, start, given)

  def apply(*args, method=None):
    switch = {'method': method} if method else {'train': False}
    return network.apply(variables, *args, **switch)

  chain = ancestral(*row.predictor(network)(apply, given), row.distribution(levels).draw)
  state, info = jax.jit(lambda rng: run(chain, rng, start, LENGTH))(jax.random.key(0))
  model, batch = model_of(row, network, levels), {'x': state.position, **given}
  params = {'network': variables['params']}
  density = jax.jit(model.log_prob)(params, {}, None, batch)
  np.testing.assert_allclose(info.log_prob.sum(0), density - LENGTH * np.log(levels), rtol=1e-4, atol=1e-4)
  if model.entry_log_mass:  # of a sequence
    by_entry = jax.jit(model.entry_log_mass)(params, {}, batch)
    np.testing.assert_allclose(by_entry, info.log_prob.T, rtol=1e-3, atol=1e-4)


def test_a_completion_tells_what_it_draws_while_it_draws():
  network, told = NETWORKS['lstm'].make(7), {}
  x = Field('tokens', (LENGTH,), 7)
  model = autoregressive(network, tx=optax.sgd(0.1), ema_decay=0.0, x=x, predictor=token_by_token(7))
  params, extra = model.init(jax.random.key(0), {})
  seen = jnp.broadcast_to(jnp.arange(LENGTH) < 4, (2, LENGTH))
  batch = {'x': jnp.where(seen, 3, 0)}

  def tell(index, values):
    told[int(index)] = np.asarray(values)

  complete = jax.jit(partial(model.complete, params, extra, tell=tell))
  found = complete(jax.random.key(1), batch, seen)
  jax.effects_barrier()
  np.testing.assert_array_equal(np.stack([told[index] for index in range(LENGTH)], 1), found)


@pytest.mark.parametrize('name', ['lstm', 'gru, two layers', 'transformer', 'transformer, past its window'])
def test_a_text_goes_on_beyond_the_context_and_begins_as_a_shorter_one_does(name):
  """Bit by bit under the same key, with and without a prompt; what comes later is of a window that slides."""
  row = NETWORKS[name]
  network, x = row.make(7), Field('tokens', (LENGTH,), 7)
  model = autoregressive(
    network, tx=optax.sgd(0.1), ema_decay=0.9, x=x, predictor=row.predictor(network), goes_on=True
  )
  params, rng = (
    {'network': variables_of(network, jnp.zeros((1, LENGTH), int), {})['params']},
    jax.random.key(3),
  )
  assert model.knobs['length'] == LENGTH and 'length' in model.completion_knobs
  draw = jax.jit(lambda rng, length: model.sample(params, {}, rng, 6, length=length), static_argnums=1)
  short, long = draw(rng, None), draw(rng, 25)
  assert long.shape == (6, 25)
  np.testing.assert_array_equal(long[:, :LENGTH], short)
  of_25 = autoregressive(network, tx=optax.sgd(0.1), ema_decay=0.9, x=Field('tokens', (25,), 7))
  np.testing.assert_array_equal(jax.jit(lambda rng: of_25.sample(params, {}, rng, 6))(rng), long)
  complete = jax.jit(partial(model.complete, length=25))
  seen = jnp.broadcast_to(jnp.arange(LENGTH) < 4, short.shape)
  found = complete(params, {}, rng, {'x': jnp.where(seen, short, 0)}, seen)
  np.testing.assert_array_equal(found, long)
  with pytest.raises(ValueError, match='length=0 cannot be used; it must be from 1 to 1,048,576'):
    model.sample(params, {}, rng, 1, length=0)


def test_a_text_of_places_that_were_learned_does_not_go_on():
  network = NETWORKS['charlm'].make(7)
  model = autoregressive(network, tx=optax.sgd(0.1), ema_decay=0.9, x=Field('tokens', (LENGTH,), 7))
  assert 'length' not in model.knobs and not model.meanings
