"""What fills a sequence up counts nowhere: in no likelihood, no gradient, no bit; and what is drawn ends as data do."""

import itertools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import evaluate, fields
from jaxgen.data.source import from_arrays
from jaxgen.families import padding
from jaxgen.families.autoregressive import autoregressive
from jaxgen.metrics.values import of_ratio
from jaxgen.types import DATA_AXIS, Field, State
from tests.families.autoregressive_test import Causal

LEVELS, LENGTH, END = 3, 3, 0
X, MASK = Field('tokens', (LENGTH,), LEVELS), Field('mask', (LENGTH,), 2)
EVERYTHING = jnp.array(list(itertools.product(range(LEVELS), repeat=LENGTH)), jnp.uint8)


@pytest.fixture(scope='module')
def made():
  """A model of sequences that end, and its parameters."""
  model = autoregressive(Causal(LEVELS), tx=optax.sgd(0.1), ema_decay=0.9, x=X, padded=True, end=END)
  params, extra = jax.jit(model.init)(jax.random.key(0), {})
  return model, params, extra


def test_which_places_hold_an_example():
  x = jnp.array([[1, 0, 2, 0], [0, 1, 1, 1], [2, 2, 1, 1], [1, 1, 1, 0]])
  mask = [[1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1]]
  np.testing.assert_array_equal(padding.until_end(x, 0), np.array(mask, bool))
  np.testing.assert_array_equal(padding.ended(x, 0), x * np.array(mask))
  assert padding.ended(x, None) is x
  for seen, ended in (
    ([1, 1, 1, 1], [1, 0, 2, 1]),
    ([1, 1, 1, 0], [1, 0, 2, 1]),
    ([0, 0, 1, 0], [1, 0, 2, 1]),
    ([1, 1, 0, 0], [1, 0, 0, 0]),
    ([0, 0, 0, 0], [1, 0, 0, 0]),
  ):
    found = padding.ended(jnp.array([[1, 0, 2, 1]]), 0, jnp.array([seen], bool))
    np.testing.assert_array_equal(found, [ended])
  told = {'x': x, 'observed': jnp.ones((4, 4), jnp.uint8)}
  assert padding.observed(told, 0).all() and padding.observed({'x': x}, None).all()
  assert not padding.observed({'x': x}, 0).all()


@pytest.mark.parametrize(
  ('spec', 'padded'),
  [
    ({'x': X, 'observed': MASK}, True),
    ({'x': X}, False),
    ({'x': X, 'observed': Field('mask', (2,), 2)}, False),
    ({'x': Field('vector', (LENGTH,), 0), 'observed': MASK}, False),
  ],
)
def test_a_mask_of_its_shape_makes_sequences_padded(spec, padded):
  assert fields.is_padded(spec) is padded


def test_the_masses_of_all_that_ends_and_of_all_that_does_not_sum_to_one(made):
  """1 of one token, 2 of two, 4 that end with the third and 8 that do not end: of 27 arrays only these differ."""
  model, params, extra = made
  sequences = np.unique(np.asarray(padding.ended(EVERYTHING, END)), axis=0)
  assert len(sequences) == 15
  terms = jax.jit(model.evaluate)(params, extra, None, {'x': sequences})
  np.testing.assert_allclose(np.exp(-terms['loss']).sum(), 1, rtol=1e-5)
  np.testing.assert_array_equal(np.bincount(terms['tokens'].astype(int)), [0, 1, 2, 12])
  log_prob = jax.jit(model.log_prob)(params, extra, None, {'x': sequences})
  np.testing.assert_allclose(
    log_prob, -terms['loss'], atol=1e-5
  )  # by which short and long ones keep their order
  of_entries = jax.jit(model.entry_log_mass)(params, extra, {'x': sequences})
  np.testing.assert_allclose(of_entries.sum(1), -terms['loss'], rtol=1e-5)


def test_a_step_is_the_same_whatever_fills_the_examples_up(made):
  model, params, extra = made
  x, mask = jnp.array([[1, 0, 0], [0, 0, 0], [2, 1, 0]]), jnp.array([[1, 1, 0], [1, 0, 0], [1, 1, 1]])
  state = State(jnp.int32(0), params, extra, model.update.init(params), jnp.zeros(2, jnp.uint32))

  @jax.jit
  @lambda step: jax.vmap(step, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
  def step(x):
    return model.update.apply(state, jax.random.key(0), {'x': x, 'observed': mask})

  results = [step(jnp.where(mask, x, fill)) for fill in (0, 2)]
  jax.tree.map(np.testing.assert_array_equal, *results)
  metrics = results[0][1]
  bits = metrics['bits_per_dim']
  np.testing.assert_allclose(bits.total, metrics['loss'].total / np.log(2), rtol=1e-5)
  assert bits.count == 6  # tokens, whatever the batches: rows of training are one ratio too
  assert not np.array_equal(params['network']['bias'], results[0][0].params['network']['bias'])


def test_bits_of_a_split_are_all_bits_by_all_tokens(made):
  """Whatever the batches: the last of seven examples by three is filled up itself."""
  model, params, extra = made
  x = np.asarray(padding.ended(EVERYTHING[5:26:3], END))
  mask = np.asarray(padding.until_end(x, END)).astype(np.uint8)
  source = from_arrays('seven', {'x': X, 'observed': MASK}, {'x': x, 'observed': mask})
  terms = model.evaluate(params, extra, None, {'x': x})
  right = float(terms['loss'].sum() / mask.sum() / np.log(2))
  for size in (3, 7):
    found = evaluate.evaluator(model, source, size)(params, extra)
    assert found['bits_per_dim'] == pytest.approx(right, rel=1e-5)
  assert abs(float((terms['loss'] / mask.sum(1)).mean() / np.log(2)) - right) > 0.01  # not a mean of ratios
  assert found['loss'] == pytest.approx(float(terms['loss'].mean()), rel=1e-5)


def test_a_ratio_of_sums_has_the_error_of_one():
  """Of equal counts it is that of a mean; of sums that are proportional to the counts there is none."""
  e = SimpleNamespace(settings=SimpleNamespace(split='test'))
  sums = np.array([1.0, 5.0, 3.0, 9.0])
  value = of_ratio(e, 'bits', sums, np.full(4, 2.0))
  assert value.value == 2.25
  assert value.standard_error == pytest.approx((sums / 2).std() / 2)
  assert of_ratio(e, 'bits', sums, sums).standard_error == 0.0
  assert of_ratio(e, 'bits', sums, np.array([1.0, 1.0, 1.0, 6.0])).value == 2.0


def test_what_is_drawn_is_filled_up_by_its_end_and_continued_to_itself(made):
  model, params, extra = made
  x = jax.jit(model.sample, static_argnums=3)(params, extra, jax.random.key(1), 3000)
  np.testing.assert_array_equal(x, padding.ended(x, END))
  log_mass = -model.evaluate(params, extra, None, {'x': x})['loss']
  codes, first, counts = np.unique(np.asarray(x) @ [9, 3, 1], return_index=True, return_counts=True)
  assert len(codes) > 8
  np.testing.assert_allclose(counts / 3000, np.exp(log_mass[first]), atol=0.035)
  seen = jnp.broadcast_to(jnp.arange(LENGTH) < 1, x.shape)
  again = jax.jit(model.complete)(params, extra, jax.random.key(1), {'x': jnp.where(seen, x, 0)}, seen)
  np.testing.assert_array_equal(again, x)
  whole = jnp.broadcast_to(jnp.array([1, END, 2]), x.shape)
  everything = jnp.ones(x.shape, bool)
  kept = jax.jit(model.complete)(params, extra, jax.random.key(1), {'x': whole}, everything)
  np.testing.assert_array_equal(kept, whole)
