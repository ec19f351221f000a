"""Two domains without pairs: two generators, two discriminators and the way there and back."""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from jax import lax

from jaxgen import fields
from jaxgen.families import conditions
from jaxgen.families.gan import pool as pools
from jaxgen.families.gan import spectra
from jaxgen.families.gan.game import judgement
from jaxgen.families.gan.health import of_both_sides
from jaxgen.families.networks import Apply, Part, assembled
from jaxgen.families.pixels import to_data, to_network
from jaxgen.losses.gan import GanLoss, cycle_consistency, identity_mapping
from jaxgen.types import DATA_AXIS, Batch, Extra, Field, GenerativeModel, Params, PRNGKey
from jaxgen.updates import POOL, alternate, chain, ema, minimize


class Cycle(NamedTuple):
  """The slots of `cycle_gan`, and the way to its networks."""

  apply: Apply
  loss: GanLoss
  cycle_weight: float
  identity_weight: float
  x: Field
  y: Field

  @property
  def sides(self) -> tuple[tuple[str, str, Field], ...]:
    """Each domain, the one that is carried to it, and its field."""
    return ('x', 'y', self.x), ('y', 'x', self.y)


def cycle_gan(
  to_x: nn.Module,
  to_y: nn.Module,
  judge_x: nn.Module,
  judge_y: nn.Module,
  *,
  loss: GanLoss,
  tx_generators: optax.GradientTransformation,
  tx_discriminators: optax.GradientTransformation,
  ema_decay: float,
  x: Field,
  y: Field,
  cycle_weight: float = 10.0,
  identity_weight: float = 0.0,
  pool: int = 0,
  name: str = '',
) -> GenerativeModel:
  """A cycle-consistent adversarial network (Zhu et al., "Unpaired image-to-image translation using cycle-consistent
  adversarial networks", 2017, equation 3).

  `encode` carries x to y and `decode` y to x, so a reconstruction is a cycle. The model has no distribution of y of its
  own: `latents` are drawn, with repetition, from the examples of y that the run began with, which are in `extra`.
  With a `pool`, discriminators see earlier translations among the newest, see `jaxgen.families.gan.pool`: it is in
  `extra`, and each device has its share of it.

  At every step both discriminators move, then both generators. Metrics of either side bear its name: `x_real_logit` is
  of x, `x_cycle` of x to y and back.

  Args:
    to_x: `(y f32[B, *shape], train) -> f32[B, *shape]`, in [-1, 1].
    to_y: the other way.
    judge_x: `(x f32[B, *shape], train) -> logits f32[B, ...]`.
    judge_y: the same of y.
    loss: what each player minimizes.
    tx_generators: the optimizer of both generators.
    tx_discriminators: of both discriminators.
    ema_decay: of the generators' averaged weights.
    x: what is modelled.
    y: the other domain.
    cycle_weight: lambda, of the distance of a cycle to where it began, the mean over its entries (equation 2).
    identity_weight: of the distance that `to_x` moves an x, and `to_y` a y (section 5.2), where both are alike.
    pool: translations to either side that are kept; 0: none.
    name: what to call the game in `GenerativeModel.objective`.

  Returns:
    A `GenerativeModel` with params 'generators' and 'discriminators'.
  """
  inputs = {'x': lambda: (jnp.zeros((1, *x.shape)),), 'y': lambda: (jnp.zeros((1, *y.shape)),)}
  parts = {'to_x': Part(to_x, inputs['y']), 'to_y': Part(to_y, inputs['x'])}
  parts |= {'judge_x': Part(judge_x, inputs['x']), 'judge_y': Part(judge_y, inputs['y'])}
  start, apply = assembled(parts)
  game = Cycle(apply, loss, cycle_weight, identity_weight, x, y)

  def init(rng, batch):
    params, extra = start(rng)
    extra = {**extra, 'y': jnp.asarray(batch['y'], fields.dtype(y))}
    kept = {side: pools.empty(pool, field.shape) for side, _, field in game.sides}
    return params, {**extra, POOL: kept} if pool else extra

  generators, discriminators = ('to_x', 'to_y'), ('judge_x', 'judge_y')
  return GenerativeModel(
    init=init,
    update=alternate(
      minimize(
        partial(_discriminator_loss, game), tx_discriminators, wrt=discriminators, axis_name=DATA_AXIS
      ),
      chain(
        minimize(partial(_generator_loss, game), tx_generators, wrt=generators, axis_name=DATA_AXIS),
        ema(ema_decay, wrt=generators),
      ),
    ),
    evaluate=partial(_evaluate, game),
    sample=partial(_sample, game),
    objective=_objective(game, name),
    latents=_latents,
    encode=partial(_encode, game),
    decode=partial(_decode, game),
    health=of_both_sides,
    compares_seen=True,
  )


def _objective(game, name):
  identity = f' + {game.identity_weight:g} * identity' if game.identity_weight else ''
  whose = f' ({name})' if name else ''
  carried = f'generator_loss{whose} + {game.cycle_weight:g} * cycle{identity}'
  return f'loss = discriminator_loss, against {carried}, both ways'


def _images(game, batch):
  return {side: to_network(batch[side], field.levels) for side, _, field in game.sides}


def _translated(game, params, extra, images, train=False, rng=None):
  """Each domain's images as what they are carried to, by the name of that, and `extra`."""
  there = {}
  for index, (side, other, _) in enumerate(game.sides):
    key = None if rng is None else jax.random.fold_in(rng, index)
    there[side], extra = game.apply(f'to_{side}', params, extra, images[other], train=train, rng=key)
  return there, extra


def _logits(game, params, extra, images, train, rng):
  found = {}
  for index, (side, _, _) in enumerate(game.sides):
    key = jax.random.fold_in(rng, index)
    found[side], extra = game.apply(f'judge_{side}', params, extra, images[side], train=train, rng=key)
  return found, extra


def _judged(game, params, extra, rng, real, fake, train):
  """The discriminators' terms of both sides, f32[B] each, and `extra`."""
  real_rng, fake_rng = jax.random.split(rng)
  real_logits, extra = _logits(game, params, extra, real, train, real_rng)
  fake_logits, extra = _logits(game, params, extra, fake, train, fake_rng)
  terms = {
    f'{side}_{name}': value
    for side, _, _ in game.sides
    for name, value in judgement(
      game.loss, {'real_logits': real_logits[side], 'fake_logits': fake_logits[side]}
    ).items()
  }
  return {'loss': terms['x_discriminator_loss'] + terms['y_discriminator_loss'], **terms}, extra


def _carried(game, params, extra, rng, real, train):
  """What the generators minimize, by its parts and both sides together, f32[B] each, and `extra`."""
  keys = jax.random.split(rng, 5)
  fake, extra = _translated(game, params, extra, real, train, keys[0])
  again, extra = _translated(game, params, extra, fake, train, keys[1])
  real_logits, _ = _logits(game, params, extra, real, train, keys[2])
  fake_logits, _ = _logits(game, params, extra, fake, train, keys[3])
  terms = {
    f'{side}_generator_loss': game.loss.generator(
      real_logits=real_logits[side], fake_logits=fake_logits[side]
    )
    for side, _, _ in game.sides
  }
  terms |= {
    f'{side}_cycle': cycle_consistency(x=real[side], there_and_back=again[side]) for side, _, _ in game.sides
  }
  if game.identity_weight:
    swapped = {'x': real['y'], 'y': real['x']}
    same, extra = _translated(game, params, extra, swapped, train, keys[4])
    terms |= {
      f'{side}_identity': identity_mapping(x=real[side], mapped=same[side]) for side, _, _ in game.sides
    }
  return terms, extra


def _with_earlier(extra, rng, newest):
  """What discriminators are shown in place of the newest translations, and `extra`."""
  if POOL not in extra:
    return newest, extra
  found = {
    side: pools.exchanged(extra[POOL][side], jax.random.fold_in(rng, index), newest[side])
    for index, side in enumerate(newest)
  }
  shown, kept = ({side: pair[part] for side, pair in found.items()} for part in (0, 1))
  return shown, {**extra, POOL: kept}


def _discriminator_loss(game, params, extra, rng, batch):
  keys, real = jax.random.split(rng, 3), _images(game, batch)
  newest, _ = _translated(game, params, extra, real, True, keys[0])
  fake, extra = _with_earlier(extra, keys[2], lax.stop_gradient(newest))
  metrics, extra = _judged(game, params, extra, keys[1], real, fake, True)
  return metrics['loss'].mean(), (extra, metrics)


def _generator_loss(game, params, extra, rng, batch):
  terms, extra = _carried(game, params, extra, rng, _images(game, batch), True)
  weights = {'generator_loss': 1.0, 'cycle': game.cycle_weight, 'identity': game.identity_weight}
  total = sum((weights[name.split('_', 1)[1]] * term for name, term in terms.items()), jnp.zeros(()))
  return total.mean(), (extra, terms)


def _evaluate(
  game: Cycle, params: Params, extra: Extra, rng: PRNGKey, batch: Batch
) -> Mapping[str, jax.Array]:
  real = _images(game, batch)
  fake, _ = _translated(game, params, extra, real)
  judged, _ = _judged(game, params, extra, rng, real, fake, False)
  norms = spectra.per_example(params, len(real['x']))
  return judged | _carried(game, params, extra, rng, real, False)[0] | norms


def _encode(game, params, extra, rng, batch):
  del rng
  x = to_network(batch['x'], game.x.levels)
  return to_data(game.apply('to_y', params, extra, x, train=False)[0], game.y.levels)


def _decode(game, params, extra, latents, given=None):
  del given
  y = to_network(latents, game.y.levels)
  return to_data(game.apply('to_x', params, extra, y, train=False)[0], game.x.levels)


def _latents(params, extra, rng, num):
  del params
  return extra['y'][jax.random.randint(rng, (num,), 0, len(extra['y']))]


def _sample(game, params, extra, rng, num, given=None):
  conditions.to_sample(rng, num, given, {})  # says that it follows none
  return _decode(game, params, extra, _latents(params, extra, rng, num))
