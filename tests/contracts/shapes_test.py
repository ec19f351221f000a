"""One contract for every experiment in `configs/`, at its preset ':smoke': shapes and types of what its model can do.

Everything is traced and nothing is compiled. One config of each model is tested always, the others are slow tests.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import pytest

from jaxgen import beginning, data, experiment, fields, parallel
from jaxgen.types import Field
from tests.contracts.configs import CONFIGS, one_per_module, prepared

NUM = 3
RNG = jax.random.key(0)


class Case(NamedTuple):
  """A config, what it builds, and `NUM` examples; `like_x` and `per_example` are what `shapes` gives of these."""

  config: Any
  model: Any
  state: Any
  batch: Any
  given: Any
  like_x: Any
  per_example: Any


def shapes(function, *args):
  """What `function` gives, as `(shape, dtype)` in the place of each array."""
  return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), jax.eval_shape(function, *args))


QUICK = one_per_module()


def _params():
  """All tests of one config stay with one worker: on its own, each of them would build the model anew."""
  slow = {name: () if name in QUICK else (pytest.mark.slow,) for name in CONFIGS}
  return [
    pytest.param(name, marks=(*slow[name], pytest.mark.xdist_group(f'shapes {name}'))) for name in CONFIGS
  ]


@pytest.fixture(scope='module', params=_params())
def case(request, tmp_path_factory):
  config = data.resolve(prepared(request.param, tmp_path_factory.mktemp('shapes')))
  model, spec = experiment.build_model(config), fields.of(config)
  batch = fields.blank(spec, NUM)
  given = {name: batch[name] for name in model.given} or None
  like_x, per_example = ((NUM, *spec['x'].shape), fields.dtype(spec['x'])), ((NUM,), jnp.float32)
  return Case(config, model, beginning.first_shapes(model, config), batch, given, like_x, per_example)


def test_the_state_that_goes_into_a_step_comes_out_of_it(case):
  step = parallel.data_parallel(case.model.update.apply, 'jit')
  batches = fields.blank(fields.of(case.config), 2, beginning.step_size(case.config))
  step.check(case.state, batches, None)  # two steps are a loop, which sees to it


@pytest.mark.slow
def test_in_bfloat16_and_in_blocks_too(case):
  config = case.config.copy_and_resolve_references()
  config.update(dict(dtype='bfloat16', remat=True))
  model = experiment.build_model(config)
  batches = fields.blank(fields.of(config), 2, beginning.step_size(config))
  parallel.data_parallel(model.update.apply, 'jit').check(case.state, batches, None)
  start = (case.state.params, case.state.extra, RNG)
  if model.sample:
    assert shapes(lambda *start: model.sample(*start, NUM, case.given), *start) == case.like_x
  _check_terms(case, shapes(model.evaluate, *start, case.batch))


def test_terms_and_densities_are_numbers_per_example(case):
  model, start = case.model, (case.state.params, case.state.extra)
  terms = shapes(model.evaluate, *start, RNG, case.batch)
  _check_terms(case, terms)
  assert model.selected_by in ('', *terms)
  assert model.objective.startswith('loss = ')
  assert (model.log_prob is None) == (model.log_prob_estimate is None)
  if model.log_prob:
    assert shapes(model.log_prob, *start, RNG, case.batch) == case.per_example


def _check_terms(case, terms):
  """One number per example, or several where a summary of their means is made."""
  assert terms
  for (size, *several), dtype in terms.values():
    assert ((size,), dtype) == case.per_example
    assert not several or case.model.summary


def test_samples_are_like_the_data(case):
  model, start = case.model, (case.state.params, case.state.extra)
  assert model.given == tuple(case.config.given)
  if model.sample:
    assert shapes(lambda *args: model.sample(*args, NUM, case.given), *start, RNG) == case.like_x
  if model.trajectory:
    (size, *shape), dtype = shapes(lambda *args: model.trajectory(*args, NUM, case.given), *start, RNG)
    assert size > 1 and (tuple(shape), dtype) == case.like_x


def test_latents_of_examples_and_of_the_prior_are_decoded_alike(case):
  model, start = case.model, (case.state.params, case.state.extra)
  ways = {}
  if model.encode:
    ways['encode'] = lambda params, extra: model.encode(params, extra, RNG, case.batch)
  if model.latents:
    ways['latents'] = lambda params, extra: model.latents(params, extra, RNG, NUM)
  found = [shapes(way, *start) for way in ways.values()]
  assert all(latents == found[0] for latents in found)
  for way in ways.values() if model.decode else ():
    decoded = shapes(lambda *args, way=way: model.decode(*args, way(*args), case.given), *start)
    assert decoded == case.like_x
  if model.codes:
    one = isinstance(model.codes, Field)
    levels, there = (({'x': tree} if one else tree) for tree in (model.codes, found[0]))
    assert there == {name: ((NUM, *field.shape), jnp.int32) for name, field in levels.items()}


def test_what_else_a_model_can_do_has_the_shape_of_the_data(case):
  model, start = case.model, (case.state.params, case.state.extra)
  shape = case.like_x[0]
  if model.complete:
    observed = jnp.zeros(shape, bool)
    assert shapes(model.complete, *start, RNG, case.batch, observed) == case.like_x
  if model.score:
    points, sigma = jnp.zeros(shape), jnp.ones(NUM)
    scores = shapes(lambda *args: model.score(*args, points, sigma, case.given), *start)
    assert scores == (shape, jnp.float32)
  if model.standing:
    assert shapes(model.standing, *start, RNG) == shapes(lambda extra: extra, case.state.extra)
