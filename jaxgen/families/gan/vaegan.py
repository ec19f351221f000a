"""An autoencoder that a discriminator judges: three players."""

from functools import partial
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from jaxgen.families import conditions
from jaxgen.families.gan import sampling, spectra
from jaxgen.families.gan.augmentation import no_augmentation
from jaxgen.families.gan.game import Game, judgement, variety
from jaxgen.families.gan.health import health
from jaxgen.families.gan.latents import truncated_normal
from jaxgen.families.networks import Part, assembled
from jaxgen.families.pixels import to_network
from jaxgen.losses import vae as losses
from jaxgen.losses.gan import GanLoss, feature_distance
from jaxgen.types import DATA_AXIS, Batch, DataSpec, Extra, Field, GenerativeModel, Metrics, Params, PRNGKey
from jaxgen.updates import alternate, chain, ema, minimize


class VaeGan(NamedTuple):
  """The game between generator and discriminator, and what a reconstruction weighs in it."""

  game: Game
  reconstruction_weight: float


def vae_gan(
  encoder: nn.Module,
  generator: nn.Module,
  discriminator: nn.Module,
  *,
  loss: GanLoss,
  tx_autoencoder: optax.GradientTransformation,
  tx_discriminator: optax.GradientTransformation,
  ema_decay: float,
  latent_dim: int,
  x: Field,
  given: DataSpec = MappingProxyType({}),
  reconstruction_weight: float = 1.0,
  name: str = '',
) -> GenerativeModel:
  """A variational autoencoder whose reconstructions are compared by a discriminator's features (Larsen et al.,
  "Autoencoding beyond pixels using a learned similarity metric", 2016, algorithm 1).

  At every step the discriminator moves, then the encoder, then the generator, each against what the others have just
  become. With `reconstruction = ||f(x) - f(again)||^2 / 2` in nats, of features f and the reconstruction `again`, they
  minimize

    discriminator: that of `loss`, the mean of its loss against samples of the prior and of its loss against
      reconstructions (the paper adds the two kinds up, so that generated examples weigh twice as much as real ones);
    encoder: `kl + reconstruction` (equations 4 and 8), without the discriminator's opinion;
    generator: `reconstruction_weight * reconstruction + generator_loss` (algorithm 1, where gamma is the weight).

  `encode` gives the mean of q(z|x). There is no `log_prob`: a bound on it would be one on the density of features.
  Other variables of a network are in `extra` under its name, and move with it alone.

  Args:
    encoder: `(x f32[B, *shape], given, train) -> (mean, log_var)`, each f32[B, latent_dim].
    generator: `(z f32[B, latent_dim], given, train) -> f32[B, *shape]`, pixels in [-1, 1].
    discriminator: `(x, given, train) -> {'logits': f32[B, ...], 'features': f32[B, ...]}`.
    loss: of logits alone.
    tx_autoencoder: the optimizer of the encoder, and that of the generator.
    tx_discriminator: the discriminator's.
    ema_decay: of the averaged weights of encoder and generator.
    latent_dim: the dimensions of z ~ N(0, I).
    x: what is modelled.
    given: the fields that all networks are conditioned on.
    reconstruction_weight: gamma.
    name: what to call the game in `GenerativeModel.objective`.

  Returns:
    A `GenerativeModel` with params 'encoder', 'generator' and 'discriminator'.
  """

  def of_image():
    return jnp.zeros((1, *x.shape)), conditions.blank(given)

  start, apply = assembled(
    {
      'encoder': Part(encoder, of_image),
      'generator': Part(generator, lambda: (jnp.zeros((1, latent_dim)), conditions.blank(given))),
      'discriminator': Part(discriminator, of_image),
    }
  )
  game = Game(
    apply, loss, None, None, no_augmentation(), truncated_normal(), latent_dim, x, given, tuple(given)
  )
  model = VaeGan(game, reconstruction_weight)

  def init(rng, batch):
    del batch
    params, extra = start(rng)
    return params, dict.fromkeys(params, {}) | extra

  def player(name, tx):
    moved = minimize(partial(_LOSSES[name], model), tx, wrt=name, axis_name=DATA_AXIS)
    return moved if name == 'discriminator' else chain(moved, ema(ema_decay, wrt=name))

  return GenerativeModel(
    init=init,
    update=alternate(
      player('discriminator', tx_discriminator),
      player('encoder', tx_autoencoder),
      player('generator', tx_autoencoder),
    ),
    evaluate=partial(_evaluate, model),
    sample=partial(sampling.sample, game),
    objective=_objective(model, name),
    given=tuple(given),
    knobs=game.latents.all_knobs,
    latents=partial(sampling.latents, game),
    encode=partial(_encode, game),
    decode=partial(sampling.decode, game),
    health=health,
    compares_seen=True,
    standing=partial(sampling.standing, game) if all(f.kind == 'label' for f in given.values()) else None,
  )


def _objective(model, name):
  whose = f' ({name})' if name else ''
  return (
    f'loss = discriminator_loss{whose} of samples and reconstructions, against kl + reconstruction of the encoder and '
    f'{model.reconstruction_weight:g} * reconstruction + generator_loss; reconstruction: of features'
  )


def _terms(model, params, extra, rng, batch, train):
  """The terms of all players, f32[B] each, and `extra` with what every network has updated."""
  game, keys = model.game, jax.random.split(rng, 8)
  given, real = conditions.prepared(batch, game.given), to_network(batch['x'], game.x.levels)

  def run(network, key, inputs, extra):
    return game.apply(network, params, extra, inputs, given, train=train, rng=key if train else None)

  (mean, log_var), extra = run('encoder', keys[0], real, extra)
  z = losses.reparameterize(keys[1], mean=mean, log_var=log_var)
  again, extra = run('generator', keys[2], z, extra)
  fake, extra = run('generator', keys[3], game.latents.draw(keys[4], len(real), game.latent_dim), extra)
  said = {}
  for key, (side, image) in zip(keys[5:], {'real': real, 'fake': fake, 'again': again}.items(), strict=True):
    said[side], extra = run('discriminator', key, image, extra)

  def mean_of(loss):
    against = [
      loss(real_logits=said['real']['logits'], fake_logits=said[side]['logits']) for side in ('fake', 'again')
    ]
    return sum(against) / 2

  logits = {f'{side}_logits': said[side]['logits'] for side in ('real', 'fake')}
  features = {'real_features': said['real']['features'], 'fake_features': said['again']['features']}
  terms = {
    **judgement(game.loss, logits),
    'discriminator_loss': mean_of(game.loss.discriminator),
    'generator_loss': mean_of(game.loss.generator),
    'kl': losses.kl_standard_normal(mean=mean, log_var=log_var),
    'reconstruction': feature_distance(**features),
    'variety': variety(real=real, fake=fake),
  }
  return terms, extra


def _own(extra, after, player):
  """`extra` with what this player alone has updated."""
  return {**extra, player: after[player]}


def _discriminator_loss(model, params, extra, rng, batch):
  terms, after = _terms(model, params, extra, rng, batch, True)
  others = ('generator_loss', 'kl', 'reconstruction')
  metrics = {name: term for name, term in terms.items() if name not in others}
  loss = terms['discriminator_loss']
  return loss.mean(), (_own(extra, after, 'discriminator'), {'loss': loss, **metrics})


def _encoder_loss(model, params, extra, rng, batch):
  terms, after = _terms(model, params, extra, rng, batch, True)
  loss = terms['kl'] + terms['reconstruction']
  metrics = {name: terms[name] for name in ('kl', 'reconstruction')}
  return loss.mean(), (_own(extra, after, 'encoder'), metrics)


def _generator_loss(model, params, extra, rng, batch):
  terms, after = _terms(model, params, extra, rng, batch, True)
  loss = terms['generator_loss'] + model.reconstruction_weight * terms['reconstruction']
  metrics = {'generator_loss': terms['generator_loss']}
  return loss.mean(), (_own(extra, after, 'generator'), metrics)


_LOSSES = {'discriminator': _discriminator_loss, 'encoder': _encoder_loss, 'generator': _generator_loss}


def _evaluate(model: VaeGan, params: Params, extra: Extra, rng: PRNGKey, batch: Batch) -> Metrics:
  terms, _ = _terms(model, params, extra, rng, batch, False)
  terms = {name: term for name, term in terms.items() if jnp.ndim(term)}  # terms per example alone
  norms = spectra.per_example(params, len(batch['x']))
  return {'loss': terms['discriminator_loss'], **terms, **norms}


def _encode(game: Game, params: Params, extra: Extra, rng: PRNGKey, batch: Batch) -> jax.Array:
  del rng
  given, x = conditions.prepared(batch, game.given), to_network(batch['x'], game.x.levels)
  return game.apply('encoder', params, extra, x, given, train=False)[0][0]
