"""From noise to examples, with a trained network: what a `GenerativeModel` of this family can do."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from jaxgen.families import conditions
from jaxgen.families.pixels import to_data, to_network
from jaxgen.families.score.model import ScoreModel, score_of
from jaxgen.families.score.path import Path
from jaxgen.families.score.samplers import Way, predictor_corrector_way
from jaxgen.samplers.clamped import clamped
from jaxgen.samplers.run import run
from jaxgen.types import Batch, Extra, Params, PRNGKey

_FRAMES = 32  # of a trajectory, at most
_COMPLETION_LEVELS = 100  # of 20, what is drawn lags far behind what is observed


def sample(
  model: ScoreModel,
  params: Params,
  extra: Extra,
  rng: PRNGKey,
  num: int,
  given: Mapping[str, jax.Array] | None = None,
  **knobs: float,
) -> jax.Array:
  """`num` examples; the knobs are the way's."""
  return to_data(_drawn(_turned(model, knobs), params, extra, rng, num, given)[0].position, model.x.levels)


def trajectory(
  model: ScoreModel,
  params: Params,
  extra: Extra,
  rng: PRNGKey,
  num: int,
  given: Mapping[str, jax.Array] | None = None,
  **knobs: float,
) -> jax.Array:
  """At most 32 frames of the way to `num` examples, [T, num, *shape]; the last are samples. Knobs as of `sample`."""
  model = _turned(model, knobs)
  frame = lambda state, info: to_data(state.position, model.x.levels)  # noqa: E731
  thin = -(-model.way.num_steps // _FRAMES)
  return _drawn(model, params, extra, rng, num, given, trace=frame, thin=thin)[1]


def complete(
  model: ScoreModel, params: Params, extra: Extra, rng: PRNGKey, batch: Batch, observed: jax.Array
) -> jax.Array:
  """A draw of the missing entries of `batch['x']` given the observed ones, bool[B, *shape]: x[B, *shape].

  The observed part is replaced at each noise level, see `jaxgen.samplers.clamped`, on the way that
  `completion_way` gives (Song et al. 2021, appendix I.2).
  """
  start_rng, chain_rng = jax.random.split(rng)
  known = to_network(batch['x'], model.x.levels)
  way = model.completion
  score_fn = score_of(model, params, extra, conditions.prepared(batch, model.given))
  sampler = clamped(way.sampler(score_fn), known, observed, way.sigmas)
  state, _ = run(sampler, chain_rng, _start(model, start_rng, len(known)), way.num_steps)
  return jnp.where(observed, batch['x'], to_data(state.position, model.x.levels))


def completion_way(path: Path) -> Way:
  """The way of `complete`: by predictor and corrector, whatever that of samples."""
  return predictor_corrector_way(
    path.sigmas, 1.0, num_levels=_COMPLETION_LEVELS, signal_to_noise=0.16, corrector_steps=1
  )


def score_at(
  model: ScoreModel,
  params: Params,
  extra: Extra,
  noisy: jax.Array,
  sigma: jax.Array,
  given: Mapping[str, jax.Array] | None = None,
) -> jax.Array:
  """The score f32[B, *shape] of f32[B, *shape] at the noise f32[B].

  Raises:
    ValueError: if a condition of the model is not given.
  """
  return score_of(model, params, extra, conditions.prepared(given or {}, model.given))(noisy, sigma)


def _turned(model, knobs):
  if not knobs:
    return model
  with jax.ensure_compile_time_eval():  # a way is made of numbers, in a compiled program too
    return model._replace(way=model.way.turned(**knobs))


def _start(model, rng, num):
  return model.path.sigmas[0] * jax.random.normal(rng, (num, *model.x.shape))


def _drawn(model, params, extra, rng, num, given, **record):
  start_rng, chain_rng, given_rng = jax.random.split(rng, 3)
  prepared = conditions.to_sample(given_rng, num, given, model.given)
  sampler = model.way.sampler(score_of(model, params, extra, prepared))
  return run(sampler, chain_rng, _start(model, start_rng, num), model.way.num_steps, **record)
