"""A corrector over a predictor: chains at each noise level that a sampler reaches."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgen.samplers.over_levels._descent import checked_levels
from jaxgen.samplers.run import run
from jaxgen.types import PRNGKey, Sampler


def corrected(
  predictor: Sampler,
  corrector: Callable[[jax.Array], Sampler],
  sigmas: Sequence[float] | jax.Array | np.ndarray,
  num_corrections: int = 1,
) -> Sampler:
  """Any predictor, and after each of its steps a chain at the level reached (Song et al. 2021, algorithm 1).

  Where the corrector leaves the blurred data as they are, it mends what the predictor did wrong. At a last level of 0
  there is nothing to correct by. Steps as of the predictor, each of `num_corrections` more evaluations.

  Args:
    predictor: over these levels, one step each: its state has the fields `position`, f32[B, ...], and `step`, i32[].
    corrector: from a level, f32[], to a `Sampler` on the density of the data blurred by it: for instance
      `lambda sigma: langevin(lambda x: score_fn(x, jnp.full(len(x), sigma)), 0.1 * sigma**2)`.
    sigmas: f32[L], those of the predictor; the last one may be 0.
    num_corrections: steps of the corrector at each level.

  Returns:
    A `Sampler` with the predictor's states and infos.

  Raises:
    ValueError: if there are fewer than two levels, one but the last is not positive, or they do not fall.
  """
  levels = checked_levels(sigmas)

  def correct(rng, position, sigma):
    return run(corrector(sigma), rng, position, num_corrections)[0].position

  def step(rng: PRNGKey, state: Any) -> tuple[Any, Any]:
    predict_rng, correct_rng = jax.random.split(rng)
    moved, info = predictor.step(predict_rng, state)
    reached = levels[jnp.minimum(moved.step, len(levels) - 1)]
    position = lax.cond(
      (state.step < len(levels) - 1) & (reached > 0),
      lambda: correct(correct_rng, moved.position, reached),
      lambda: moved.position,
    )
    return moved._replace(position=position), info

  return Sampler(predictor.init, step)
