"""Students of sound: inverse autoregressive flows that learn from a frozen autoregressive teacher -> GenerativeModel.

van den Oord et al., "Parallel WaveNet: fast high-fidelity speech synthesis" (2017). Sound is a real number y in [-1, 1]
for each entry here, the middle of what its code stands for; see `jaxgen.mu_law`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from jaxgen import mu_law
from jaxgen.bijectors import Autoregressive, Bijector, Chain, Inverse
from jaxgen.errors import UserError
from jaxgen.families import conditions
from jaxgen.families.networks import Apply, Part, assembled
from jaxgen.families.precision import precisely
from jaxgen.losses import distillation, flow
from jaxgen.losses.logistic_mixture import LogisticMixture
from jaxgen.types import DATA_AXIS, DataSpec, Field, GenerativeModel
from jaxgen.updates import chain, ema, minimize

MEANING = 'a heuristic, noise of T times the spread: samples are not of a power of the density'


class Teacher(NamedTuple):
  """An autoregressive model with a density, which does not learn.

  Attributes:
    frozen: its weights, a tree of arrays; `extra` of the student holds it.
    mixtures: `(frozen, y f32[B, T], given) -> LogisticMixture f32[B, T, K]`: of each y_t, in its own units, given those
      before it and the conditions, which are prepared.
  """

  frozen: Any
  mixtures: Callable[[Any, jax.Array, Mapping[str, jax.Array]], LogisticMixture]


class Terms(NamedTuple):
  """What the loss is made of.

  Attributes:
    draws: N, of each value given the noise before it, by which the cross-entropy is estimated.
    power: the weight of `jaxgen.losses.distillation.power_loss`; 0: it is left away.
    frame: of its spectra, in values.
    hop: between the beginnings of two frames.
    gamma: of `jaxgen.losses.distillation.contrastive`; 0: it is left away. Other conditions are those of the example
      before, so that a step needs two on each device.
  """

  draws: int = 16
  power: float = 0.0
  frame: int = 256
  hop: int = 64
  gamma: float = 0.0


class Predicted(NamedTuple):
  """What a student makes of noise."""

  y: jax.Array  # f32[B, T]
  means: jax.Array  # f32[B, T], mu_tot of y_t given the noise before it
  log_scales: jax.Array  # f32[B, T], log s_tot


class Student(nn.Module):
  """Flows upon each other: given z_<t, y_t is logistic (Parallel WaveNet, section 3).

  With x^0 = z and x^i_t = x^(i-1)_t s_i(x^(i-1)_<t) + mu_i(x^(i-1)_<t), all in one order of the entries, y_t is
  z_t s_tot + mu_tot, s_tot the product of the scales.

  Attributes:
    bijector: from the data to the noise: `Inverse`s of `Autoregressive`s whose transforms are affine. Of others an
      entry is not logistic, and what is said here of its mean and scale is wrong.
  """

  bijector: Chain

  def __call__(self, z: jax.Array, given: Mapping[str, jax.Array], train: bool) -> Predicted:
    """Noise f32[B, T], standard logistic: one pass."""
    del train
    y, log_scales = z, jnp.zeros_like(z)
    for inverse in reversed(self.bijector.bijectors):
      y, more = inverse.bijector.forward_and_log_derivatives(y, given)
      log_scales += more
    return Predicted(y, y - jnp.exp(log_scales) * z, log_scales)

  def log_density(self, y: jax.Array, given: Mapping[str, jax.Array]) -> jax.Array:
    """log p(y | given), exact, f32[B] in nats, of y f32[B, T]: T passes, one value after the other."""
    z, log_det = self.bijector.forward_and_log_det(y, given)
    return flow.log_prob(z, log_det, flow.standard_logistic())


class DistilledModel(NamedTuple):
  """The slots of `distilled`, and the way to its network."""

  apply: Apply
  teacher: Teacher
  terms: Terms
  x: Field
  given: DataSpec


def distilled(
  flows: Sequence[Autoregressive],
  *,
  teacher: Teacher,
  tx: optax.GradientTransformation,
  ema_decay: float,
  x: Field,
  given: DataSpec = MappingProxyType({}),
  terms: Terms = Terms(),  # noqa: B008
) -> GenerativeModel:
  """A student of inverse autoregressive flows, of which a sample is one pass whatever its length.

  It learns from its own samples: the loss is `KL(student || teacher)`, by `jaxgen.losses.distillation`. Of the data it
  sees the conditions alone, and with the power term what is as loud at each frequency.

  It has no `log_prob`: that of an example takes as many passes as it has values. `Student.log_density` gives it, for
  short ones.

  Args:
    flows: from the noise to the data, at least one; each transforms an entry affinely by what those before it say.
    teacher: see `Teacher`.
    tx: the optimizer.
    ema_decay: of the averaged weights.
    x: what is modelled, `Field('audio', (T, 1), levels)`.
    given: the fields that are conditions.
    terms: see `Terms`.

  Returns:
    A model with params 'student' and the teacher in `extra['stages']`. `kl_per_sample`, nats per value, is of one draw
    of the noise for each example and of `terms.draws` draws of each value, and what chooses the best checkpoint.

  Raises:
    ValueError: if there are no flows or one is not affine, the data are no sound of one channel, or a term does not fit
      them.
    UserError: where it is trained, if the contrastive term is asked for and a step has 1 example on each device.
  """
  _check(flows, x, given, terms)
  backwards: list[Bijector] = [Inverse(of_noise) for of_noise in reversed(flows)]
  blank = lambda: (jnp.zeros((1, x.shape[0])), conditions.blank(given))  # noqa: E731
  start, apply = assembled({'student': Part(Student(Chain(backwards)), blank)})
  model = DistilledModel(apply, teacher, terms, x, given)

  def init(rng, batch):
    del batch
    params, extra = start(rng)
    return params, {**extra, 'stages': {'teacher': teacher.frozen}}

  return GenerativeModel(
    init=init,
    update=chain(minimize(partial(_loss, model), tx, axis_name=DATA_AXIS), ema(ema_decay)),
    evaluate=precisely(partial(_evaluate, model)),
    sample=precisely(partial(_sample, model)),
    objective=_objective(terms),
    given=tuple(given),
    knobs={'temperature': 1.0},
    meanings={'temperature': MEANING},
    selected_by='kl_per_sample',
  )


def _check(flows, x, given, terms):
  if not flows:
    raise ValueError('a student needs at least one flow: noise alone learns nothing.')
  if not all(of_noise.transform.is_affine for of_noise in flows):
    raise ValueError('the flows of a student are affine: what it makes is logistic given the noise before.')
  if x.kind != 'audio' or x.shape[1:] != (1,) or not x.levels:
    raise ValueError(f'a student makes codes of sound of one channel, not {x.kind} data of shape {x.shape}.')
  if terms.power and terms.frame > x.shape[0]:
    raise ValueError(f'frames of {terms.frame} values do not fit examples of {x.shape[0]}.')
  if terms.gamma and not given:
    raise ValueError('a contrastive term needs conditions, of which others can be had.')


def _objective(terms):
  loss = f'loss = KL(student || teacher) / T, nats per value, by 1 draw of the noise and {terms.draws} of each value'
  loss += f' - {terms.gamma:g} KL(student || teacher under other conditions) / T' if terms.gamma else ''
  return loss + (f' + {terms.power:g} ||power - that of data||^2' if terms.power else '')


def _terms(model, params, extra, rng, batch, train=False):
  """Numbers per example f32[B]: nats per value, but for the power."""
  terms, length = model.terms, model.x.shape[0]
  rng_noise, rng_draws, rng_net = jax.random.split(rng, 3)
  given = conditions.prepared(batch, model.given)
  z = jax.random.logistic(rng_noise, (len(batch['x']), length))
  said, extra = model.apply('student', params, extra, z, given, train=train, rng=rng_net if train else None)
  noise = stratified_logistic(rng_draws, z.shape, terms.draws)
  draws = distillation.logistic_draws(noise, means=said.means, log_scales=said.log_scales)
  entropy = distillation.logistic_entropy(said.log_scales)

  def taught(given):
    mixtures = model.teacher.mixtures(extra['stages']['teacher'], said.y, given)
    return distillation.cross_entropy(draws, mixtures)

  cross_entropy = taught(given)
  loss = kl = cross_entropy - entropy
  found = {'kl_per_sample': kl, 'cross_entropy': cross_entropy, 'entropy': entropy}
  if terms.gamma:
    found['other_kl'] = taught(jax.tree.map(lambda value: jnp.roll(value, 1, axis=0), given)) - entropy
    loss = distillation.contrastive(kl, found['other_kl'], terms.gamma)
  found, loss = {name: value / length for name, value in found.items()}, loss / length
  if terms.power:
    found['power'] = _power(model, said.y, batch['x'])
    loss += terms.power * found['power']
  return {'loss': loss, **found}, extra


def _power(model, y, codes):
  levels = model.x.levels
  x = mu_law.expand(jnp.clip(y, -1, 1), levels)
  real = mu_law.decode(jnp.asarray(codes)[..., 0], levels)
  return distillation.power_loss(x, real, frame=model.terms.frame, hop=model.terms.hop)


def stratified_logistic(rng: jax.Array, shape: Sequence[int], num: int) -> jax.Array:
  """`num` draws of a standard logistic, one of each `num`-th part of its mass: f32[*shape, num].

  The mean of a function over them is unbiased, as of independent draws, and varies far less where it is smooth.
  """
  u = (jnp.arange(num) + jax.random.uniform(rng, (*shape, num))) / num
  u = jnp.clip(u, 1e-6, 1 - 1e-6)  # a draw of 0 would be infinitely far
  return jnp.log(u) - jnp.log1p(-u)


def _loss(model, params, extra, rng, batch):
  if model.terms.gamma and len(batch['x']) < 2:
    raise UserError(
      'the contrastive term takes the conditions of another example, and a step has 1 on each device; raise '
      'config.batch_size, or set config.model.gamma=0.'
    )
  terms, extra = _terms(model, params, extra, rng, batch, train=True)
  return terms['loss'].mean(), (extra, terms)


def _evaluate(model, params, extra, rng, batch):
  return _terms(model, params, extra, rng, batch)[0]


def _sample(model, params, extra, rng, num, given=None, *, temperature=1.0):
  rng_noise, rng_given = jax.random.split(rng)
  prepared = conditions.to_sample(rng_given, num, given, model.given)
  z = temperature * jax.random.logistic(rng_noise, (num, model.x.shape[0]))
  said, _ = model.apply('student', params, extra, z, prepared, train=False)
  return mu_law.nearest(said.y, model.x.levels)[..., None]
