"""The slot of a flow for the distribution of its latents.

Latents are any pytree of arrays f32[B, ...]: one array, or the tuple of a multi-scale flow. A temperature T stands
for draws of the density `p^(1 / T^2)`, normalized (Kingma & Dhariwal, "Glow", 2018, section 6, where it is written
`T^2`). Of a normal that is one of T times the deviation, which is what happens here: exact for `standard_normal`,
`learned_normal` and `class_conditional`. Of a logistic T times the spread is another density, and a heuristic. A
flow hands T on to its own base: exact where that is, and the log-determinant is the same everywhere.
"""

import itertools
import math
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgen.bijectors import Bijector, transforms
from jaxgen.bijectors.bijector import Shape, shape_through
from jaxgen.bijectors.log_det import sum_over_event
from jaxgen.families.networks import Apply, Networks, Part
from jaxgen.losses import flow as losses
from jaxgen.types import Extra, Params, PRNGKey

# A learned deviation stays within exp(-10) and exp(10), so that nothing overflows.
_LOG_SCALE = transforms.bounded_log_scale(10.0)


class Init(Protocol):
  """The first variables of a base."""

  def __call__(
    self, networks: Networks, rng: PRNGKey, latents: Any, given: Mapping[str, jax.Array]
  ) -> tuple[Params, Extra]:
    """`(params, extra)` of its parts alone; some take theirs from the latents of the first batch."""
    ...


class LogProb(Protocol):
  """The density of latents."""

  def __call__(
    self,
    apply: Apply,
    params: Params,
    extra: Extra,
    latents: Any,
    given: Mapping[str, jax.Array],
    *,
    train: bool,
  ) -> tuple[jax.Array, Extra]:
    """`(log p(z | given) f32[B] in nats, extra)`, by networks that `apply` reaches; `given` is prepared."""
    ...


class Sample(Protocol):
  """Draws of latents."""

  def __call__(
    self,
    apply: Apply,
    params: Params,
    extra: Extra,
    rng: PRNGKey,
    like: Any,
    given: Mapping[str, jax.Array],
    temperature: float,
  ) -> Any:
    """Latents in the shapes of `like`, a pytree of things that have a shape; `given` is of as many examples."""
    ...


class Base(NamedTuple):
  """A distribution of latents, fixed or learned.

  Attributes:
    name: in words.
    log_prob: see `LogProb`.
    sample: see `Sample`; None of a density alone.
    init: see `Init`.
    needs: the labels among the conditions that it cannot do without.
    conditional: whether it depends on the conditions, where there are any.
    parts: its networks, by the names that they have in `params`.
    check: raises a ValueError if it does not fit latents of these shapes, a tree of such.
    tempered: whether a draw at temperature T is one of the density `p^(1 / T^2)`, normalized.
  """

  name: str
  log_prob: LogProb
  sample: Sample | None
  init: Init
  needs: tuple[str, ...] = ()
  conditional: bool = False
  parts: Mapping[str, Part] = MappingProxyType({})
  check: Callable[[Shape], None] = lambda shapes: None
  tempered: bool = False


def standard_normal() -> Base:
  """N(0, I)."""
  return _fixed('N(0, I)', losses.standard_normal())._replace(tempered=True)


def standard_logistic() -> Base:
  """Independent standard logistics (Dinh et al., "NICE", 2015, section 3.4)."""
  return _fixed('independent logistics', losses.standard_logistic())


def learned_normal() -> Base:
  """N(mean, diag(std^2)) with a mean and a deviation for each element of the latents; it starts as N(0, I)."""
  return _normal('a learned normal', MeanAndLogScale())


def class_conditional(label: str = 'label') -> Base:
  """N(mean_y, diag(std_y^2)) with a mean and a deviation for each class y; all of them start as N(0, I).

  Args:
    label: the name of the condition that y is, a field of kind 'label'.
  """
  return _normal(f'a normal for each {label}', MeanAndLogScale(label), (label,))


def flow(bijector: Bijector, base: Base | None = None, name: str = 'base_flow') -> Base:
  """Another flow: `log p(z) = log p_base(f(z)) + log|det df/dz|`.

  Args:
    bijector: f, of all latents of an example side by side, f32[B, D], and of the conditions of the model.
    base: of what f returns; N(0, I) by default.
    name: of its parameters; a flow upon a flow needs another one.

  Raises:
    ValueError: if f has no forward direction, or the name is taken.
  """
  inner = base or standard_normal()
  if not bijector.has_forward:
    raise ValueError('a flow as a base needs a bijector that goes from its data to its latents.')
  if name in inner.parts:
    raise ValueError(f'{name} is the name of a flow within this base; give this one another.')

  def init(networks, rng, latents, given):
    rng_flow, rng_inner = jax.random.split(rng)
    params, extra = networks.init(rng_flow, {name: (_flat(latents), given)})
    z = forward(networks.apply, params, extra, latents, given)[0][0]
    inner_params, inner_extra = inner.init(networks, rng_inner, z, given)
    return params | inner_params, extra | inner_extra

  def forward(apply, params, extra, latents, given, train=False):
    return apply(name, params, extra, _flat(latents), given, train=train, method='forward_and_log_det')

  def log_prob(apply, params, extra, latents, given, *, train):
    (z, log_det), extra = forward(apply, params, extra, latents, given, train)
    log_inner, extra = inner.log_prob(apply, params, extra, z, given, train=train)
    return log_inner + log_det, extra

  def sample(apply, params, extra, rng, like, given, temperature):
    shapes = jax.eval_shape(partial(forward, apply, params, extra, given=given), like)[0][0]
    assert inner.sample is not None  # of a density alone no sample is offered, see below
    z = inner.sample(apply, params, extra, rng, shapes, given, temperature)
    drawn, _ = apply(name, params, extra, z, given, train=False, method='inverse_and_log_det')
    return _unflat(drawn[0], like)

  parts = {name: Part(bijector, lambda: (), 'forward_and_log_det'), **inner.parts}
  closed = bijector.has_inverse and inner.sample is not None
  tempered = inner.tempered and bijector.constant_log_det

  def check(shapes):
    # a tree of shapes has their numbers at its leaves
    leaves = jax.tree.leaves(shapes, is_leaf=lambda shape: all(isinstance(size, int) for size in shape))
    inner.check(shape_through(bijector, (sum(map(math.prod, leaves)),), name))

  name_in_words, draw = f'a flow upon {inner.name}', sample if closed else None
  return Base(name_in_words, log_prob, draw, init, inner.needs, True, parts, check, tempered)


class MeanAndLogScale(nn.Module):
  """Mean and logarithm of the deviation of every element of latents, as two trees of their structure and shapes.

  Attributes:
    label: the condition that chooses among as many means and deviations as it has classes; empty: there is one.
  """

  label: str = ''

  @nn.compact
  def __call__(self, latents: Any, given: Mapping[str, jax.Array], train: bool) -> tuple[Any, Any]:
    """latents [B, ...], of which the shapes alone are read; `given[label]` is one-hot, f32[B, classes]."""
    del train
    leaves, structure = jax.tree.flatten(latents)
    classes = given[self.label] if self.label else jnp.ones((leaves[0].shape[0], 1))

    def of_each(name, leaf):
      table = self.param(name, nn.initializers.zeros_init(), (classes.shape[1], *leaf.shape[1:]))
      with jax.default_matmul_precision('highest'):
        return jnp.tensordot(classes, table, 1)

    mean = [of_each(f'mean_{index}', leaf) for index, leaf in enumerate(leaves)]
    log_scale = [_LOG_SCALE(of_each(f'log_scale_{index}', leaf)) for index, leaf in enumerate(leaves)]
    return jax.tree.unflatten(structure, mean), jax.tree.unflatten(structure, log_scale)


def _fixed(name, prior):
  def log_prob(apply, params, extra, latents, given, *, train):
    del apply, params, given, train
    return prior.log_prob(latents), extra

  def sample(apply, params, extra, rng, like, given, temperature):
    del apply, params, extra, given
    return jax.tree.map(lambda z: temperature * z, prior.sample(rng, like))

  return Base(name, log_prob, sample, lambda networks, rng, latents, given: ({}, {}))


def _normal(name, module, needs=()):
  standard = losses.standard_normal()

  def init(networks, rng, latents, given):
    return networks.init(rng, {'base': (latents, given)})

  def log_prob(apply, params, extra, latents, given, *, train):
    (mean, log_scale), extra = apply('base', params, extra, latents, given, train=train)
    white = jax.tree.map(lambda z, m, s: (z - m) * jnp.exp(-s), latents, mean, log_scale)
    return standard.log_prob(white) - sum(map(sum_over_event, jax.tree.leaves(log_scale))), extra

  def sample(apply, params, extra, rng, like, given, temperature):
    (mean, log_scale), _ = apply('base', params, extra, like, given, train=False)
    noise = standard.sample(rng, like)
    return jax.tree.map(lambda m, s, e: m + temperature * jnp.exp(s) * e, mean, log_scale, noise)

  parts = {'base': Part(module, lambda: ())}
  return Base(name, log_prob, sample, init, needs, bool(needs), parts, tempered=True)


def _flat(latents):
  """All latents of an example side by side, f32[B, D]."""
  return jnp.concatenate([leaf.reshape(leaf.shape[0], -1) for leaf in jax.tree.leaves(latents)], axis=-1)


def _unflat(flat, like):
  """f32[B, D] in the structure and shapes of `like`."""
  leaves, structure = jax.tree.flatten(like)
  ends = list(itertools.accumulate(math.prod(leaf.shape[1:]) for leaf in leaves))
  parts = jnp.split(flat, ends[:-1], axis=-1)
  return structure.unflatten([part.reshape(leaf.shape) for part, leaf in zip(parts, leaves, strict=True)])
