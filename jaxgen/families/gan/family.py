"""Adversarial networks: a generator, a discriminator and the slots of a game make a `GenerativeModel`."""

from collections.abc import Callable
from functools import partial
from types import MappingProxyType

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from jaxgen.families import conditions
from jaxgen.families.gan import game as games
from jaxgen.families.gan import sampling, verdict
from jaxgen.families.gan.augmentation import Augmentation, no_augmentation
from jaxgen.families.gan.game import Game
from jaxgen.families.gan.health import health
from jaxgen.families.gan.latents import Latents, truncated_normal
from jaxgen.families.gan.penalty import Penalty
from jaxgen.families.networks import Part, assembled
from jaxgen.losses.gan import GanLoss
from jaxgen.types import DATA_AXIS, DataSpec, Extra, Field, GenerativeModel, Params
from jaxgen.updates import alternate, chain, ema, minimize, project, scheduled


def gan(
  generator: nn.Module,
  discriminator: nn.Module,
  *,
  loss: GanLoss,
  tx_generator: optax.GradientTransformation,
  tx_discriminator: optax.GradientTransformation,
  ema_decay: float,
  latent_dim: int,
  x: Field,
  given: DataSpec = MappingProxyType({}),
  label: Field | None = None,
  discriminator_steps: int = 1,
  penalty: Penalty | None = None,
  generator_penalty: Penalty | None = None,
  projection: Callable[[Params], Params] | None = None,
  augmentation: Augmentation | None = None,
  latents: Latents | None = None,
  view: Callable[[Extra, jax.Array], jax.Array] = lambda extra, x: x,
  used: Callable[[Params], Params] = lambda params: params,
  name: str = '',
) -> GenerativeModel:
  """A generative adversarial network (Goodfellow et al., "Generative adversarial nets", 2014, algorithm 1).

  A step is one discriminator step on the whole batch; at every `discriminator_steps`-th of them the generator
  moves too, against the discriminator just trained. So of `num_steps` steps the generator takes
  `ceil(num_steps / discriminator_steps)`: its schedule has to end there.

  The metric `loss` is what the discriminator minimizes, `discriminator_loss` plus the term of the penalty.
  `discriminator_accuracy` is the share of pairs in which the real example has the larger logit: 0.5 where
  it cannot tell, 1 where it has won; `real_accuracy` and `fake_accuracy`, where the loss has a boundary, are the shares
  of either kind on its right side. `variety` is the variance of a batch of generated examples relative to that of real
  ones: near 0 the generator has collapsed. Neither loss says how good samples are.

  Both networks may have variables beside their parameters (batch statistics, power iterations): they live in
  `extra['generator']` and `extra['discriminator']`, each player updates its own when it moves, and evaluation and
  sampling read them. The average is that of the generator, over its own steps; its batch statistics are not those of
  the weights it averages, so `standing` takes them anew; where something that is no label is given it cannot, and
  averaged weights have the statistics of the newest.

  Args:
    generator: `(z f32[B, latent_dim], given, train) -> f32[B, *shape]`, pixels in [-1, 1]; `given` is what
      `jaxgen.families.conditions.prepared` makes of the fields that are conditions.
    discriminator: `(x f32[B, *shape], given, train) -> logits f32[B]` or f32[B, ...], or a mapping of the heads that
      the loss needs, see `jaxgen.losses.gan.GanLoss`. It is not given labels that the loss wants it to tell.
    loss: what each player minimizes.
    tx_generator: the generator's optimizer.
    tx_discriminator: the discriminator's.
    ema_decay: of the generator's averaged weights, per step of the generator.
    latent_dim: the dimensions of z ~ N(0, I).
    x: what is modelled.
    given: the fields that both networks are conditioned on.
    label: of the data, which batches have as 'label', for losses that need labels.
    discriminator_steps: per generator step.
    penalty: of the discriminator. Slopes are taken at the examples as they are, through the augmentation (as in the
      released code of Karras et al., "Training generative adversarial networks with limited data", 2020).
    generator_penalty: of the generator.
    projection: of the discriminator's parameters, after each of its steps (`jaxgen.updates.project`); none by default.
    augmentation: of what the discriminator sees, real and generated alike; none by default.
    latents: how they are drawn, and what one may turn when sampling; by default from N(0, I), with knobs for its
      standard deviation, `temperature`, and its `truncation`, see `jaxgen.families.gan.latents`.
    view: `(extra, x) -> x`, what the game knows of real examples, as networks take them; all of them by default.
    used: `params -> params`, weights as layers use them, where they are kept in another size: of these are the spectral
      norms.
    name: what to call the game in `GenerativeModel.objective`.

  Returns:
    A `GenerativeModel` with params 'generator' and 'discriminator'.

  Raises:
    ValueError: if a number of steps is less than 1.
    UserError: if the loss needs labels that there are not, or more than the discriminator says.
  """
  augmentation, latents = augmentation or no_augmentation(), latents or truncated_normal()
  shown = {name: field for name, field in given.items() if name != 'label' or 'real_labels' not in loss.needs}
  judged = Part(discriminator, lambda: (jnp.zeros((1, *x.shape)), conditions.blank(shown)))
  verdict.check(loss, discriminator, judged.inputs, label, given)
  start, apply = assembled(
    {
      'generator': Part(generator, lambda: (jnp.zeros((1, latent_dim)), conditions.blank(given))),
      'discriminator': judged,
    }
  )
  game = Game(
    apply,
    loss,
    penalty,
    generator_penalty,
    augmentation,
    latents,
    latent_dim,
    x,
    given,
    tuple(shown),
    view,
    used,
  )

  def init(rng, batch):
    del batch
    params, extra = start(rng)
    extra = dict.fromkeys(params, {}) | extra  # both players, so that the tree is that of earlier checkpoints
    kept = _kept(augmentation=augmentation, penalty=penalty, generator_penalty=generator_penalty)
    return params, extra | kept

  def discriminator_at(step):
    moved = games.discriminator_loss(game, step)
    return minimize(moved, tx_discriminator, wrt='discriminator', axis_name=DATA_AXIS)

  def generator_at(step):
    moved = games.generator_loss(game, step // discriminator_steps)
    return minimize(moved, tx_generator, wrt='generator', axis_name=DATA_AXIS)

  moves = scheduled(discriminator_at)
  judge = chain(moves, project(projection, wrt='discriminator')) if projection else moves
  return GenerativeModel(
    init=init,
    update=alternate(
      judge,
      chain(scheduled(generator_at), ema(ema_decay, wrt='generator')),
      periods=(1, discriminator_steps),
    ),
    evaluate=partial(games.evaluate, game),
    sample=partial(sampling.sample, game),
    objective=_objective(game, name, discriminator_steps),
    given=tuple(given),
    knobs=latents.all_knobs,
    meanings=latents.meanings,
    latents=partial(sampling.latents, game),
    decode=partial(sampling.decode, game),
    health=health,
    compares_seen=True,
    standing=partial(sampling.standing, game) if all(f.kind == 'label' for f in given.values()) else None,
  )


def _kept(**slots):
  """The states of those that have one, by name."""
  states = {name: slot.init() for name, slot in slots.items() if slot}
  return {name: state for name, state in states.items() if state}


def _objective(game, name, discriminator_steps):
  penalty = game.penalty.words('penalty') if game.penalty else ''
  generator = game.generator_penalty.words('generator_penalty') if game.generator_penalty else ''
  turns = f'; the generator moves every {discriminator_steps} steps' if discriminator_steps > 1 else ''
  game_name = f' ({name})' if name else ''
  return f'loss = discriminator_loss{penalty}, against generator_loss{game_name}{generator}{turns}'
