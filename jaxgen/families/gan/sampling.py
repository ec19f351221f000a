"""From latents to examples, with trained networks: what a `GenerativeModel` of this family can do."""

from collections.abc import Mapping

import jax
from jax import lax

from jaxgen.families import conditions
from jaxgen.families.gan.game import Game
from jaxgen.families.gan.latents import normal
from jaxgen.families.pixels import to_data
from jaxgen.types import DATA_AXIS, Extra, Params, PRNGKey

_STANDING_PASSES, _STANDING_BATCH = 50, 64  # of momentum 0.9, 0.5 % is left of the statistics before


def latents(game: Game, params: Params, extra: Extra, rng: PRNGKey, num: int) -> jax.Array:
  """Draws of the prior, f32[num, latent_dim]."""
  del params, extra
  return normal(rng, num, game.latent_dim)


def sample(
  game: Game,
  params: Params,
  extra: Extra,
  rng: PRNGKey,
  num: int,
  given: Mapping[str, jax.Array] | None = None,
  temperature: float = 1.0,
  truncation: float = 0.0,
) -> jax.Array:
  """`num` generated examples; see `jaxgen.families.gan.latents` for the knobs."""
  z_rng, given_rng = jax.random.split(rng)
  prepared = conditions.to_sample(given_rng, num, given, game.given)
  z = normal(z_rng, num, game.latent_dim, temperature, truncation)
  return _generated(game, params, extra, z, prepared)


def decode(
  game: Game,
  params: Params,
  extra: Extra,
  latents: jax.Array,
  given: Mapping[str, jax.Array] | None = None,
) -> jax.Array:
  """The examples of these latents.

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
    z = normal(z_rng, _STANDING_BATCH, game.latent_dim)
    return game.apply('generator', params, extra, z, given, train=True, rng=network_rng)[1], None

  def passes(extra):
    return lax.scan(one_pass, extra, jax.random.split(rng, _STANDING_PASSES))[0]

  # A generator that shares its statistics over the devices finds the axis that it knows, of size one.
  named = jax.vmap(passes, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
  return named(extra) if extra['generator'] else extra


def _generated(game, params, extra, z, given):
  return to_data(game.apply('generator', params, extra, z, given, train=False)[0], game.x.levels)
