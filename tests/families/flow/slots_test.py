"""Every base with every dequantization: densities of mass one, samples of them, and refusals in one sentence."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import fields
from jaxgen.bijectors import (
  ActNorm,
  Chain,
  Coupling,
  Inverse,
  Logit,
  MultiScale,
  Permutation,
  Reshape,
  Reverse,
  ScaleShift,
  Squeeze,
  masks,
  transforms,
)
from jaxgen.errors import UserError
from jaxgen.families.conditioners import MLP, Convolutions
from jaxgen.families.flow import base as bases
from jaxgen.families.flow import dequantization as dequantizations
from jaxgen.families.flow import flow
from jaxgen.types import Field, GenerativeModel
from tests.tiny_flow import OneWay

RNG = jax.random.key(0)
LEVELS, CLASSES = 3, 2
GIVEN = {'label': Field('label', (), CLASSES)}
BOUNDED = transforms.affine(transforms.bounded_log_scale(1.0))


def coupling(mask):
  return Coupling(MLP(8, 1, 4), BOUNDED, mask)


def vectors():
  """Both entries are moved, the second upon the first."""
  return Chain((coupling(masks.binary(np.array([True, False]))), ActNorm()))


def noise():
  """A location and a scale upon x and the label."""
  return Chain((Logit(0.0), coupling(masks.nothing())))


BASES = {
  'standard_normal': bases.standard_normal(),
  'standard_logistic': bases.standard_logistic(),
  'learned_normal': bases.learned_normal(),
  'class_conditional': bases.class_conditional(),
  'flow': bases.flow(vectors()),
  'flow_upon_classes': bases.flow(vectors(), bases.class_conditional()),
}
DEQUANTIZATIONS = {
  'none': lambda x: dequantizations.none(),
  'uniform': lambda x: dequantizations.uniform(x.levels),
  'variational': lambda x: dequantizations.variational(noise(), x, GIVEN),
}


class Made(NamedTuple):
  """A flow of two numbers, its parameters disturbed, and its functions compiled."""

  model: GenerativeModel
  params: Mapping
  extra: Mapping
  log_prob: Callable
  sample: Callable


@cache
def made(base, dequantization='none') -> Made:
  """With a logit and latents of two arrays."""
  x = Field('vector', (2,), 0 if dequantization == 'none' else LEVELS)
  inner = MultiScale((Chain((ActNorm(), coupling(masks.nothing()))), ActNorm()))
  model = flow(
    Chain((ScaleShift(1.0), Logit(0.0), inner)),
    tx=optax.sgd(0.1),
    ema_decay=0.9,
    x=x,
    given=GIVEN,
    base=BASES[base],
    dequantization=DEQUANTIZATIONS[dequantization](x),
  )
  params, extra = jax.jit(model.init)(RNG, batch_of(x))
  draws = np.random.default_rng(1)
  params = jax.tree.map(lambda p: p + jnp.float32(0.15 * draws.standard_normal(p.shape)), params)
  return Made(model, params, extra, jax.jit(model.log_prob), jax.jit(model.sample, static_argnums=3))


def batch_of(x, num=64):
  draws = np.random.default_rng(0)
  values = draws.integers(x.levels, size=(num, *x.shape)) if x.levels else draws.uniform(size=(num, *x.shape))
  return {
    'x': jnp.asarray(values, fields.dtype(x)),
    'label': jnp.asarray(np.arange(num) % CLASSES, jnp.uint8),
  }


def quadrature():
  """Points of the unit square, and the area that each stands for: evenly over the logits, within +-25 of 0."""
  side = 50 / 300
  places = -25 + side * (np.arange(300) + 0.5)
  logits = np.stack(np.meshgrid(places, places), -1).reshape(-1, 2)
  inside = np.abs(logits).max(1) < 15  # nearer to the edge, 1 - x is 0 in float32
  x = 1 / (1 + np.exp(-logits[inside]))
  return jnp.float32(x), jnp.float32(side**2 * (x * (1 - x)).prod(1))


@pytest.mark.parametrize('base', BASES)
def test_given_any_label_the_mass_is_one_and_samples_are_of_the_density(base):
  """The mean of log p over samples is that by quadrature."""
  _, params, extra, log_prob, sample = made(base)
  x, area = quadrature()
  for y in range(CLASSES):
    log_density = log_prob(params, extra, RNG, {'x': x, 'label': jnp.full(len(x), y)})
    mass = area * jnp.exp(log_density)
    np.testing.assert_allclose(mass.sum(), 1, atol=0.01)
    given = {'label': jnp.full(4000, y)}
    drawn = sample(params, extra, RNG, 4000, given)
    drawn = jnp.clip(drawn, 1e-6, 1 - 1e-6)
    found = log_prob(params, extra, RNG, {'x': drawn, **given})
    np.testing.assert_allclose(found.mean(), (mass * log_density).sum(), atol=5 * found.std() / np.sqrt(4000))


@pytest.mark.parametrize('dequantization', ['uniform', 'variational'])
@pytest.mark.parametrize('base', BASES)
def test_the_density_of_whole_numbers_is_that_of_a_point_of_their_cell_over_that_of_the_noise(
  base, dequantization
):
  """`log p(y) - log q(u | x)` with `y = (x + u) / levels` (Ho et al. 2019, equation 6): both sides are densities."""
  model, params, extra, log_prob, _ = made(base, dequantization)
  batch = batch_of(Field('vector', (2,), LEVELS))
  latents = jax.jit(model.encode)(params, extra, RNG, batch)
  continuous = made(base)
  y = continuous.model.decode(params, extra, latents, batch)
  u = LEVELS * y - batch['x']
  assert ((u > 0) & (u < 1)).all()
  log_q = 0.0
  if dequantization == 'variational':
    seen = {'x': batch['x'].astype(jnp.float32) - 1, 'label': jax.nn.one_hot(batch['label'], CLASSES)}
    variables = {'params': params['dequantization']}
    e, log_det = noise().apply(variables, u, seen, method='forward_and_log_det')
    log_q = jax.scipy.stats.norm.logpdf(e).sum(-1) + log_det
  expected = continuous.log_prob(params, extra, RNG, {**batch, 'x': y}) - log_q
  np.testing.assert_allclose(log_prob(params, extra, RNG, batch), expected, rtol=2e-3, atol=2e-3)
  assert model.log_prob_estimate.kind == ('lower bound' if dequantization == 'variational' else 'exact')


@pytest.mark.parametrize('base', BASES)
def test_conditions_are_no_part_of_latents_so_a_base_that_depends_on_them_gives_none(base):
  model, params, extra, *_ = made(base)
  assert (model.latents is None) == ('class' in base or 'flow' in base)
  if model.latents:
    drawn = jax.eval_shape(partial(model.latents, num=3), params, extra, RNG)
    assert [leaf.shape for leaf in drawn] == [(3, 1), (3, 1)]
  drawn = jax.eval_shape(partial(model.sample, num=3), params, extra, RNG)
  assert drawn.shape == (3, 2)


@pytest.mark.parametrize('base', ['standard_normal', 'learned_normal', 'class_conditional'])
def test_the_temperature_of_a_normal_is_exact(base):
  """The density of a draw at T is proportional to `p^(1 / T^2)`: a normal of T times the deviation."""
  model, params, extra, *_ = made(base)
  given = {'label': jnp.zeros(3, jnp.int32)}

  @jax.jit
  def latents(temperature):
    drawn = model.sample(params, extra, RNG, 3, given, temperature=temperature)
    return jnp.concatenate(model.encode(params, extra, RNG, {'x': drawn, **given}), -1)

  cold, warm, hot = map(latents, (0.0, 1.0, 2.0))
  np.testing.assert_allclose(cold[0], cold[1], atol=1e-4)
  np.testing.assert_allclose(hot - cold, 2 * (warm - cold), atol=1e-3)


def test_a_class_conditional_base_finds_the_mean_and_the_deviation_of_each_class():
  """One number, no bijector: maximum likelihood is the moments of each class."""
  model = flow(
    Chain(()),
    tx=optax.adam(0.05),
    ema_decay=0.9,
    x=Field('vector', (1,), 0),
    given=GIVEN,
    base=BASES['class_conditional'],
  )
  label = jnp.arange(512) % CLASSES
  x = jnp.where(label == 0, -2.0, 1.0)[:, None] + jnp.where(label == 0, 0.5, 2.0)[:, None] * (
    jax.random.normal(RNG, (512, 1))
  )
  batch = {'x': x, 'label': label}
  params, extra = jax.jit(model.init)(RNG, batch)

  def nll(params):
    return -model.log_prob(params, extra, RNG, batch).mean()

  def step(carry, _):
    params, opt = carry
    change, opt = tx.update(jax.grad(nll)(params), opt)
    return (optax.apply_updates(params, change), opt), None

  tx = optax.adam(0.05)
  (params, _), _ = jax.jit(lambda start: jax.lax.scan(step, start, length=400))((params, tx.init(params)))
  for y in range(CLASSES):
    mine = x[label == y]
    np.testing.assert_allclose(params['base']['mean_0'][y], mine.mean(0), atol=0.02)
    np.testing.assert_allclose(jnp.exp(params['base']['log_scale_0'][y]), mine.std(0), rtol=0.03)


@pytest.mark.parametrize('shape', [(2,), (3, 2, 1)])
def test_variational_noise_stays_in_its_cell_and_is_decoded_to_what_it_was(shape):
  x = Field('vector' if len(shape) == 1 else 'image', shape, 256)
  features = 2 * shape[-1]
  network = MLP(8, 1, features) if len(shape) == 1 else Convolutions(8, 1, features)
  of_noise = Chain((Logit(0.0), Coupling(network, BOUNDED, masks.nothing())))
  model = flow(
    Chain(()),
    tx=optax.sgd(0.1),
    ema_decay=0.9,
    x=x,
    given=GIVEN,
    dequantization=dequantizations.variational(of_noise, x, GIVEN),
  )
  batch = batch_of(x)
  params, extra = jax.jit(model.init)(RNG, batch)
  for far in (-3.0, 3.0):
    there = {**params, 'dequantization': jax.tree.map(lambda p, far=far: p + far, params['dequantization'])}
    latents = jax.jit(model.encode)(there, extra, RNG, batch)
    np.testing.assert_array_equal(model.decode(there, extra, latents, batch), batch['x'])


def built(**changes):
  settings = dict(bijector=ActNorm(), x=Field('vector', (2,), 0), tx=optax.sgd(0.1), ema_decay=0.9)
  return flow(**settings | changes)


@pytest.mark.parametrize(
  ('changes', 'sentence'),
  [
    (dict(base=bases.class_conditional()), 'has to be given; set config.given'),
    (
      dict(base=bases.class_conditional('y'), given={'y': Field('vector', (3,), 0)}),
      'y is no label but vector data of shape (3,)',
    ),
    (dict(dequantization=dequantizations.uniform(4)), 'of 4 values, and x is continuous data'),
    (
      dict(x=Field('vector', (2,), 4), dequantization=dequantizations.none()),
      'of continuous data, and x is 4 values',
    ),
    (
      dict(bijector=Chain((ActNorm(), Squeeze())), x=Field('image', (3, 4, 1), 17)),
      'bijectors[1] (Squeeze)',
    ),
    (
      dict(base=bases.flow(Chain((ActNorm(), Squeeze())))),
      'of shape (2,): base_flow (Chain): bijectors[1] (Squeeze): it takes images',
    ),
    (
      dict(bijector=MultiScale((ActNorm(), ActNorm())), base=bases.flow(Permutation((2, 1, 0)))),
      'base_flow (Permutation): a permutation of 3 channels does not fit an example of shape (2,)',
    ),
    (
      dict(bijector=Chain((Chain((Logit(),)), ActNorm()))),
      'the first layer of the flow (Logit) takes numbers',
    ),
    (
      # nothing before the logit changes a number
      dict(bijector=Chain((Reverse(), Inverse(Reshape((2, 1), (2,))), Chain((Permutation((0,)), Logit()))))),
      'the first layer of the flow (Logit) takes numbers',
    ),
  ],
)
def test_what_does_not_fit_is_refused_when_the_model_is_built(changes, sentence):
  with pytest.raises(UserError) as error:
    built(**changes)
  assert sentence in str(error.value)


def test_data_that_are_brought_into_the_unit_cube_may_meet_a_logit():
  assert built(bijector=Chain((ScaleShift(0.1, 0.5), Logit()))).log_prob


@pytest.mark.parametrize('way', ['log_prob', 'decode', 'sample'])
def test_a_condition_of_another_shape_is_refused_by_name(way):
  model = built(given={'y': Field('vector', (3,), 0)})
  x, wrong = jnp.zeros((4, 2)), {'y': jnp.zeros((4, 2))}
  calls = {
    'log_prob': lambda: model.log_prob({}, {}, RNG, {'x': x, **wrong}),
    'decode': lambda: model.decode({}, {}, x, wrong),
    'sample': lambda: model.sample({}, {}, RNG, 4, wrong),
  }
  with pytest.raises(ValueError, match=r'y must be of shape \[B, \*\(3,\)\], not \(4, 2\)'):
    calls[way]()


def test_a_base_that_is_a_flow_without_conditions_has_latents():
  assert built(base=bases.flow(vectors())).latents


def test_slots_that_lack_what_they_need_are_refused():
  x = Field('vector', (2,), 4)
  with pytest.raises(ValueError, match='from its data to its latents'):
    bases.flow(Inverse(OneWay()))
  with pytest.raises(ValueError, match='base_flow is the name of a flow within'):
    bases.flow(vectors(), bases.flow(vectors()))
  with pytest.raises(ValueError, match='two networks of a flow are called flow;'):
    built(base=bases.flow(vectors(), name='flow'))
  with pytest.raises(ValueError, match='from its latents to noise'):
    dequantizations.variational(OneWay(), x)
  with pytest.raises(ValueError, match=r'dequantization \(Squeeze\): it takes images'):
    dequantizations.variational(Squeeze(), x)
  with pytest.raises(ValueError, match='continuous data need no noise'):
    dequantizations.variational(noise(), x._replace(levels=0))


def test_a_base_without_an_inverse_is_a_density_alone():
  model = built(base=bases.flow(OneWay()))
  assert model.log_prob and model.decode
  assert (model.sample, model.latents, dict(model.knobs)) == (None, None, {})
