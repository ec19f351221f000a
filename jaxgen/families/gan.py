"""Adversarial networks: a generator, a discriminator and a game make a `GenerativeModel`."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from jax import lax

from jaxgen.families.labels import condition, condition_to_sample, given_by
from jaxgen.families.pixels import to_data, to_network
from jaxgen.losses.gan import GanLoss
from jaxgen.types import DATA_AXIS, GenerativeModel
from jaxgen.updates import alternate, chain, ema, minimize, scheduled

_STANDING_PASSES, _STANDING_BATCH = 50, 64  # of momentum 0.9, 0.5 % is left of the statistics before


def gan(
  generator: nn.Module,
  discriminator: nn.Module,
  *,
  loss: GanLoss,
  tx_generator: optax.GradientTransformation,
  tx_discriminator: optax.GradientTransformation,
  ema_decay: float,
  latent_dim: int,
  shape: tuple[int, ...],
  levels: int,
  classes: int = 0,
  discriminator_steps: int = 1,
  penalty: Callable | None = None,
  penalty_weight: float = 0.0,
  penalty_period: int = 1,
  augment: Callable | None = None,
  objective: str = '',
) -> GenerativeModel:
  """A generative adversarial network (Goodfellow et al., "Generative adversarial nets", 2014, algorithm 1).

  A step is one discriminator step on the whole batch; at every `discriminator_steps`-th of them the generator
  moves too, against the discriminator just trained. So of `num_steps` steps the generator takes
  `ceil(num_steps / discriminator_steps)`: its schedule has to end there.

  The metric `loss` is what the discriminator minimizes, `discriminator_loss` plus the term of the penalty.
  `discriminator_accuracy` is the share of pairs in which the real example has the larger logit: 0.5 where
  it cannot tell, 1 where it has won. `variety` is the variance of a batch of generated
  examples relative to that of real ones: near 0 the generator has collapsed. Neither loss says how good samples are.

  Both networks may have variables beside their parameters (batch statistics, power iterations): they live in
  `extra['generator']` and `extra['discriminator']`, each player updates its own when it moves, and evaluation and
  sampling read them. The average is that of the generator, over its own steps; its batch statistics are not those of
  the weights it averages, so `standing` takes them anew, from passes over fresh latents (the standing statistics of
  Brock et al., "Large scale GAN training for high fidelity natural image synthesis", 2019).

  Args:
    generator: `(z f32[B, latent_dim], condition, train) -> f32[B, *shape]`, pixels in [-1, 1]; the condition is
      f32[B, classes], or None.
    discriminator: `(x f32[B, *shape], condition, train) -> logits f32[B]` or f32[B, ...].
    loss: what each player minimizes.
    tx_generator: the generator's optimizer.
    tx_discriminator: the discriminator's.
    ema_decay: of the generator's averaged weights, per step of the generator.
    latent_dim: the dimensions of z ~ N(0, I).
    shape: of one example.
    levels: the number of values a pixel takes, 0 for continuous data.
    classes: the number of labels to condition both networks on, 0 for none.
    discriminator_steps: per generator step.
    penalty: `(critic, rng, *, real, fake) -> f32[B]`, a regularization of the discriminator; see
      `jaxgen.losses.gan.PENALTIES`. The critic is the discriminator as it evaluates, which keeps examples apart, after
      `augment`: slopes are taken at the examples as they are, through it (as in the released code of Karras et al.,
      "Training generative adversarial networks with limited data", 2020).
    penalty_weight: its weight (gamma, lambda).
    penalty_period: the penalty enters at every so-many-th step, as many times as heavy (Karras et al. 2020,
      appendix B). It is added to that step's loss, so that one optimizer sees it in proportion; an optimizer of its
      own, of Adam's kind, would undo the weight.
    augment: `(rng, x f32[B, *shape]) -> x`, of what the discriminator sees, real and generated alike, differentiable
      (Zhao et al., "Differentiable augmentation", 2020).
    objective: what to call the game in `GenerativeModel.objective`.

  Returns:
    A `GenerativeModel` with params 'generator' and 'discriminator'.

  Raises:
    ValueError: if a number of steps is less than 1.
  """
  if penalty_period < 1:
    raise ValueError(f'penalty_period must be at least 1, not {penalty_period}.')
  networks = {'generator': generator, 'discriminator': discriminator}

  def init(rng, batch):
    del batch
    given = jnp.zeros((1, classes)) if classes else None
    inputs = {'generator': jnp.zeros((1, latent_dim)), 'discriminator': jnp.zeros((1, *shape))}
    params, extra = {}, {}
    for index, (name, network) in enumerate(networks.items()):
      extra[name] = dict(network.init(jax.random.fold_in(rng, index), inputs[name], given, False))
      params[name] = extra[name].pop('params')
    return params, extra

  def play(name, params, extra, inputs, given, rng):
    """A player's output in training, and `extra` with its variables updated."""
    variables = {'params': params[name], **extra[name]}
    outputs, updated = networks[name].apply(
      variables, inputs, given, True, mutable=list(extra[name]), rngs={'dropout': rng}
    )
    return outputs.astype(jnp.float32), {**extra, name: dict(updated)}

  def evaluated(name, params, extra, inputs, given):
    outputs: Any = networks[name].apply({'params': params[name], **extra[name]}, inputs, given, False)
    return outputs.astype(jnp.float32)

  def latents(rng, num):
    return jax.random.normal(rng, (num, latent_dim))

  def seen(rng, x):
    return x if augment is None else augment(rng, x)

  def penalty_term(penalty, step, params, extra, rng, real, fake, given):
    augment_rng, rng = jax.random.split(rng)

    def critic(x):
      return _mean_logit(evaluated('discriminator', params, extra, seen(augment_rng, x), given))

    def term():
      return penalty_weight * penalty_period * penalty(critic, rng, real=real, fake=fake)

    if penalty_period == 1:
      return term()
    return lax.cond(step % penalty_period == 0, term, lambda: jnp.zeros(real.shape[0]))

  def discriminator_loss_at(step):
    def discriminator_loss(params, extra, rng, batch):
      keys = jax.random.split(rng, 7)
      given = condition(batch, classes)
      real = to_network(batch['x'], levels)
      fake, _ = play('generator', params, extra, latents(keys[0], real.shape[0]), given, keys[1])
      fake = lax.stop_gradient(fake)
      variety = _total_variance(fake) / _total_variance(real)
      # Two passes, so that batch statistics never tell real from generated by the company an example is in.
      real_logits, extra = play('discriminator', params, extra, seen(keys[2], real), given, keys[4])
      fake_logits, extra = play('discriminator', params, extra, seen(keys[3], fake), given, keys[5])
      metrics = _judgement(loss, real_logits, fake_logits)
      total = metrics['discriminator_loss']
      if penalty is not None and penalty_weight:
        metrics['penalty'] = penalty_term(penalty, step, params, extra, keys[6], real, fake, given)
        total = total + metrics['penalty']
      return total.mean(), (extra, {'loss': total, **metrics, 'variety': variety})

    return discriminator_loss

  def generator_loss(params, extra, rng, batch):
    keys = jax.random.split(rng, 4)
    given = condition(batch, classes)
    z = latents(keys[0], batch['x'].shape[0])
    fake, extra = play('generator', params, extra, z, given, keys[1])
    fake_logits, _ = play('discriminator', params, extra, seen(keys[2], fake), given, keys[3])
    terms = loss.generator(fake_logits)
    return terms.mean(), (extra, {'generator_loss': terms})

  def discriminator_at(step):
    loss_at_step = discriminator_loss_at(step)
    return minimize(loss_at_step, tx_discriminator, wrt='discriminator', axis_name=DATA_AXIS)

  def evaluate(params, extra, rng, batch):
    given = condition(batch, classes)
    real = to_network(batch['x'], levels)
    fake = evaluated('generator', params, extra, latents(rng, real.shape[0]), given)
    real_logits = evaluated('discriminator', params, extra, real, given)
    fake_logits = evaluated('discriminator', params, extra, fake, given)
    metrics = _judgement(loss, real_logits, fake_logits)
    return {'loss': metrics['discriminator_loss'], 'generator_loss': loss.generator(fake_logits), **metrics}

  def sample(params, extra, rng, num, label=None):
    z_rng, label_rng = jax.random.split(rng)
    given = condition_to_sample(label_rng, num, label, classes)
    return to_data(evaluated('generator', params, extra, latents(z_rng, num), given), levels)

  def decode(params, extra, latents):
    z, given = latents if classes else (latents, None)
    return to_data(evaluated('generator', params, extra, z, given), levels)

  def standing(params, extra, rng):
    def one_pass(extra, rng):
      z_rng, label_rng, network_rng = jax.random.split(rng, 3)
      given = condition_to_sample(label_rng, _STANDING_BATCH, None, classes)
      z = latents(z_rng, _STANDING_BATCH)
      return play('generator', params, extra, z, given, network_rng)[1], None

    def passes(extra):
      return lax.scan(one_pass, extra, jax.random.split(rng, _STANDING_PASSES))[0]

    # A generator that shares its statistics over the devices finds the axis that it knows, of size one.
    named = jax.vmap(passes, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    return named(extra) if extra['generator'] else extra

  move = minimize(generator_loss, tx_generator, wrt='generator', axis_name=DATA_AXIS)
  game = alternate(
    scheduled(discriminator_at),
    chain(move, ema(ema_decay, wrt='generator')),
    periods=(1, discriminator_steps),
  )
  return GenerativeModel(
    init=init,
    update=game,
    evaluate=evaluate,
    sample=sample,
    objective=_objective(objective, discriminator_steps, penalty and penalty_weight, penalty_period),
    given=given_by(classes),
    decode=decode,
    standing=standing,
  )


def _judgement(loss, real_logits, fake_logits):
  """The discriminator's terms, each f32[B]."""
  real, fake = _mean_logit(real_logits), _mean_logit(fake_logits)
  return {
    'discriminator_loss': loss.discriminator(real_logits=real_logits, fake_logits=fake_logits),
    'discriminator_accuracy': (jnp.sign(real - fake) + 1) / 2,
    'real_logit': real,
    'fake_logit': fake,
  }


def _mean_logit(logits):
  return logits.reshape(logits.shape[0], -1).mean(1)


def _total_variance(x):
  return x.var(0).sum()


def _objective(name, discriminator_steps, penalty_weight, penalty_period):
  lazy = f' every {penalty_period} steps, times {penalty_period}' if penalty_period > 1 else ''
  penalty = f' + {penalty_weight:g} * penalty{lazy}' if penalty_weight else ''
  turns = f'; the generator moves every {discriminator_steps} steps' if discriminator_steps > 1 else ''
  return f'loss = discriminator_loss{penalty}, against generator_loss{f" ({name})" if name else ""}{turns}'
