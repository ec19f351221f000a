"""From noise to examples, with a trained network: what a `GenerativeModel` of this family can do."""

from collections.abc import Mapping

import jax
import numpy as np
from jax.core import Tracer

from jaxgen.families import conditions
from jaxgen.families.pixels import to_data, to_network
from jaxgen.families.score.model import ScoreModel, score_of
from jaxgen.samplers.clamped import Observed, put_back
from jaxgen.samplers.run import run
from jaxgen.types import Batch, Extra, Params, PRNGKey

_FRAMES = 32  # of a trajectory, at most


def sample(
  model: ScoreModel,
  params: Params,
  extra: Extra,
  rng: PRNGKey,
  num: int,
  given: Mapping[str, jax.Array] | None = None,
  **knobs: float,
) -> jax.Array:
  """`num` examples; the knobs are the way's, and 'guidance' of a model that is guided.

  Raises:
    ValueError: if there is no such knob, or a condition is missing.
  """
  return to_data(_drawn(model, params, extra, rng, num, given, knobs)[0].position, model.x.levels)


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
  frame = lambda state, info: to_data(state.position, model.x.levels)  # noqa: E731
  return _drawn(model, params, extra, rng, num, given, knobs, frame)[1]


def complete(
  model: ScoreModel,
  params: Params,
  extra: Extra,
  rng: PRNGKey,
  batch: Batch,
  observed: Observed,
  **knobs: float,
) -> jax.Array:
  """A draw of what is missing of `batch['x']` given what is observed: x[B, *shape].

  Entries that are observed stay as they are. What a projection shows of discrete data is kept up to half a level, as
  entries are rounded, and less closely where what is drawn lies beyond the first or the last level and is cut.

  Args:
    model: whose `completion` is gone.
    params: of the network.
    extra: of the network.
    rng: of the draw.
    batch: x, of which only what is observed is looked at, and what is given.
    observed: bool[B, *shape]; or an orthogonal projection of what the network sees, f32[B, *shape], to what is
      observed, see `jaxgen.samplers.clamped`.
    **knobs: of its way, and guidance.

  Raises:
    ValueError: if `observed` is, or gives, another shape than x, there is no such knob, or there are fewer steps than a
      stretch of RePaint has.
  """
  if not callable(observed) and observed.shape != batch['x'].shape:
    raise ValueError(
      f'observed says of each entry of x whether it is there, and must be of its shape, {batch["x"].shape}, not '
      f'{observed.shape}.'
    )
  guidance, completion = _turned(model, model.completion, model.completion.way, knobs)
  start_rng, chain_rng = jax.random.split(rng)
  known = to_network(batch['x'], model.x.levels)
  score_fn = score_of(model, params, extra, conditions.prepared(batch, model.followed), guidance)
  sampler, num_steps = completion.sampler(score_fn, known, observed)
  state, _ = run(sampler, chain_rng, _start(completion.way, start_rng, known.shape), num_steps)
  return to_data(put_back(state.position, known, observed), model.x.levels)


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
    ValueError: if a condition of the model is not given, or a level is known, as it is outside of compiled programs,
      and lies beyond the path.
  """
  if not isinstance(sigma, Tracer):
    _check_levels(np.asarray(sigma), model.path.sigmas)
  return score_of(model, params, extra, conditions.prepared(given or {}, model.followed))(noisy, sigma)


def _check_levels(asked, trained):
  least, most = trained[-1], trained[0]
  if not (asked.min() >= 0.999 * least and asked.max() <= 1.001 * most):  # so that nan does not pass
    raise ValueError(
      f'the score was trained at noise levels from {least:.3g} to {most:.3g}, and is asked for at levels from '
      f'{asked.min():.3g} to {asked.max():.3g}.'
    )


def _turned(model, drawn_by, way, knobs):
  """The guidance, and the way, or the completion along it, with the other knobs turned; a `ValueError` if there is no
  such knob."""
  has = [*way.knobs, *(['guidance'] if model.guidance.is_a_knob else [])]
  if strange := knobs.keys() - has:
    raise ValueError(
      f'{", ".join(sorted(strange))} cannot be turned, but {", ".join(has) or "nothing"} here; guidance is of models '
      'that were trained with label_dropout, or that have a classifier.'
    )
  others = {name: value for name, value in knobs.items() if name != 'guidance'}
  guidance = knobs.get('guidance', model.guidance.weight)
  if not others:
    return guidance, drawn_by
  with jax.ensure_compile_time_eval():  # a way is made of numbers, in a compiled program too
    return guidance, drawn_by.turned(**others)


def _start(way, rng, shape):
  return way.start * jax.random.normal(rng, shape)


def _drawn(model, params, extra, rng, num, given, knobs, record=None):
  """The last state, and at most 32 records on the way."""
  guidance, way = _turned(model, model.way, model.way, knobs)
  start_rng, chain_rng, given_rng = jax.random.split(rng, 3)
  prepared = conditions.to_sample(given_rng, num, given, model.followed)
  sampler = way.sampler(score_of(model, params, extra, prepared, guidance))
  thin = -(-way.num_steps // _FRAMES) if record else 1
  start = _start(way, start_rng, (num, *model.x.shape))
  return run(sampler, chain_rng, start, way.num_steps, trace=record, thin=thin)
