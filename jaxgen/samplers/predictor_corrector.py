"""The reverse variance-exploding diffusion, each step corrected by Langevin dynamics."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.types import PRNGKey, Sampler


class PredictorCorrectorState(NamedTuple):
  """`position` is f32[B, ...]; `step`, i32[], counts the steps taken."""

  position: jax.Array
  step: jax.Array


class PredictorCorrectorInfo(NamedTuple):
  """`sigma`, f32[]: the noise level that the step reached."""

  sigma: jax.Array


def predictor_corrector(
  score_fn: Callable[[jax.Array, jax.Array], jax.Array],
  sigmas: Sequence[float] | jax.Array,
  signal_to_noise: float = 0.16,
  corrector_steps: int = 1,
) -> Sampler:
  """Reverse diffusion and Langevin correction for the VE process (Song et al. 2021, algorithms 2 and 4).

  From level `s` to the next one `t < s`, with `d = s^2 - t^2` and fresh `z ~ N(0, I)` each time:

      predict    x <- x + d score(x, s) + sqrt(d) z
      correct    x <- x + e score(x, t) + sqrt(2 e) z,   e = 2 (r ||z|| / ||score(x, t)||)^2

  `r` is `signal_to_noise`; both norms are averaged over the batch, as the authors do. After the last
  level one more step removes its noise, `x + t^2 score(x, t)`, as there. `L` levels take `L` steps
  of `run`; past them the chain stands still.

  Args:
    score_fn: `(x f32[B, ...], sigma f32[B]) -> f32[B, ...]`, the score of the data blurred by `sigma`.
    sigmas: f32[L], falling; the chain starts at `N(0, sigmas[0]^2 I)`.
    signal_to_noise: the corrector's step, relative.
    corrector_steps: Langevin steps per level; 0 leaves the predictor alone.

  Returns:
    A `Sampler` over f32[B, ...].
  """
  sigmas = jnp.asarray(sigmas, jnp.float32)
  num_levels = sigmas.shape[0]

  def score_at(x, sigma):
    return score_fn(x, jnp.broadcast_to(sigma, x.shape[:1]))

  def predict(rng, x, sigma, drop):
    return x + drop * score_at(x, sigma) + jnp.sqrt(drop) * jax.random.normal(rng, x.shape)

  def correct(rng, x, sigma):
    score, noise = score_at(x, sigma), jax.random.normal(rng, x.shape)
    step_size = 2 * (signal_to_noise * _mean_norm(noise) / _mean_norm(score)) ** 2
    return x + step_size * score + jnp.sqrt(2 * step_size) * noise

  def descend(rng, x, index):
    before, after = sigmas[index], sigmas[index + 1]
    x = predict(jax.random.fold_in(rng, 0), x, before, before**2 - after**2)
    keys = jax.random.split(jax.random.fold_in(rng, 1), corrector_steps)
    return lax.scan(lambda x, key: (correct(key, x, after), None), x, keys)[0]

  def finish(x, index):
    last = sigmas[-1]
    return jnp.where(index == num_levels - 1, x + last**2 * score_at(x, last), x)

  def init(position):
    return PredictorCorrectorState(position, jnp.zeros((), jnp.int32))

  def step(rng: PRNGKey, state: PredictorCorrectorState):
    x, index = state.position, state.step
    x = lax.cond(index < num_levels - 1, lambda: descend(rng, x, index), lambda: finish(x, index))
    reached = sigmas[jnp.minimum(index + 1, num_levels - 1)]
    return PredictorCorrectorState(x, index + 1), PredictorCorrectorInfo(reached)

  return Sampler(init, step)


def _mean_norm(vectors):
  return jnp.sqrt((vectors**2).reshape(vectors.shape[0], -1).sum(1)).mean()
