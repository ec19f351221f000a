"""From latents to examples, with trained networks: what a `GenerativeModel` of this family can do."""

from collections.abc import Mapping

import jax
from jax import lax

from jaxgen.families import conditions
from jaxgen.families.gan.game import Game
from jaxgen.families.pixels import to_data
from jaxgen.types import DATA_AXIS, Extra, Params, PRNGKey

_STANDING_PASSES, _STANDING_BATCH = 50, 64  # of momentum 0.9, 0.5 % is left of the statistics before


def latents(game: Game, params: Params, extra: Extra, rng: PRNGKey, num: int) -> jax.Array:
  """Draws of the prior, f32[num, latent_dim]."""
  del params, extra
  return game.latents.draw(rng, num, game.latent_dim)


def sample(
  game: Game,
  params: Params,
  extra: Extra,
  rng: PRNGKey,
  num: int,
  given: Mapping[str, jax.Array] | None = None,
  **knobs: float,
) -> jax.Array:
  """`num` generated examples; what a generator draws besides latents is of the same key.

  Args:
    game: the slots of the model.
    params: of its networks.
    extra: their variables.
    rng: of all draws.
    num: how many.
    given: what to make them of, see `jaxgen.families.conditions.to_sample`.
    **knobs: see `jaxgen.families.gan.latents.Latents`.

  Raises:
    ValueError: if a condition is missing, or a knob is none of the model.
  """
  if strange := knobs.keys() - game.latents.all_knobs.keys():
    raise ValueError(f'{", ".join(sorted(strange))} turns nothing of this model.')
  z_rng, given_rng, network_rng = *jax.random.split(rng), jax.random.fold_in(rng, 2)
  prepared = conditions.to_sample(given_rng, num, given, game.given)
  turned = {name: knobs[name] for name in game.latents.generator_knobs if name in knobs}
  drawn = {name: value for name, value in knobs.items() if name not in turned}
  z = game.latents.draw(z_rng, num, game.latent_dim, **drawn)
  return _generated(game, params, extra, z, prepared, rng=network_rng, **turned)


def decode(
  game: Game,
  params: Params,
  extra: Extra,
  latents: jax.Array,
  given: Mapping[str, jax.Array] | None = None,
) -> jax.Array:
  """The examples of these latents; what a generator draws besides is the same for all of them.

  Raises:
    ValueError: if a condition of the model is not given.
  """
  return _generated(game, params, extra, latents, conditions.prepared(given or {}, game.given))


def standing(game: Game, params: Params, extra: Extra, rng: PRNGKey) -> Extra:
  """`extra` with the generator's batch statistics taken anew for these parameters, from passes over fresh latents (the
  standing statistics of Brock et al. 2019); labels are uniform."""

  def one_pass(extra, rng):
    z_rng, given_rng, network_rng = jax.random.split(rng, 3)
    given = conditions.to_sample(given_rng, _STANDING_BATCH, None, game.given)
    z = game.latents.draw(z_rng, _STANDING_BATCH, game.latent_dim)
    return game.apply('generator', params, extra, z, given, train=True, rng=network_rng)[1], None

  def passes(extra):
    return lax.scan(one_pass, extra, jax.random.split(rng, _STANDING_PASSES))[0]

  # A generator that shares its statistics over the devices finds the axis that it knows, of size one.
  named = jax.vmap(passes, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
  return named(extra) if extra['generator'] else extra


def _generated(game, params, extra, z, given, **how):
  return to_data(game.apply('generator', params, extra, z, given, train=False, **how)[0], game.x.levels)
