"""The density of a score model: that of the data that its probability-flow ODE makes of noise."""

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jax.scipy.stats import norm

from jaxgen.samplers._adaptive import MOST_STEPS as MOST_STEPS
from jaxgen.samplers._adaptive import adaptive
from jaxgen.types import PRNGKey

NoisyScoreFn = Callable[[jax.Array, jax.Array], jax.Array]


def probability_flow_log_prob(
  score_fn: NoisyScoreFn,
  rng: PRNGKey,
  x: jax.Array,
  sigmas: Sequence[float] | jax.Array,
  num_probes: int = 1,
  tolerance: float = 0.0,
) -> jax.Array:
  """The log-density of what `jaxgen.samplers.heun` makes of `N(0, sigma_max^2 I)`, in nats.

  `log p(x) = log N(x_T; 0, sigma_max^2 I) + integral of div v d sigma` along the ODE `dx / d sigma = v(x, sigma)`
  from `x` at `sigma_min` to `x_T` at `sigma_max` (Song et al. 2021, equation 39, after Chen et al.
  2018, theorem 1). The divergence is that of Skilling and Hutchinson, `e' (dv/dx) e` with signs `e`
  that stay the same along a path (Grathwohl et al. 2019, section 3.1): the estimate has no bias. The density is
  that of the data blurred by `sigma_min`.

  Args:
    score_fn: `(x f32[B, ...], sigma f32[B]) -> f32[B, ...]`, the score of the data blurred by `sigma`.
    rng: key of the signs.
    x: f32[B, ...].
    sigmas: f32[L], L >= 2, positive and rising; one step of Heun's method from each to the next. With a tolerance they
      are but two ends.
    num_probes: directions per example; 0 for all of them, which is exact and costs one derivative per dimension.
    tolerance: nats, of the error of the numerical solution, by steps of each example's own; 0 for those of `sigmas`.

  Returns:
    f32[B]; NaN where a tolerance cannot be kept. Single precision rounds by about 5e-7 nats for each dimension and each
    unit of log sigma between the ends, below which there is no use in a tolerance.

  Raises:
    ValueError: if there are fewer than two levels, one is not positive, or the tolerance is negative.
  """
  _check_levels(sigmas)
  if tolerance < 0:
    raise ValueError(f'the tolerance must not be negative, but is {tolerance}.')
  sigmas = jnp.asarray(sigmas, jnp.float32)
  rates = _with_divergence(score_fn, _probes(rng, x, num_probes))
  if tolerance:
    latent, log_det = adaptive(rates, x, sigmas[0], sigmas[-1], tolerance)
  else:
    latent, log_det = _by_heun(rates, x, sigmas)
  return norm.logpdf(latent, scale=sigmas[-1]).reshape(len(x), -1).sum(1) + log_det


def _by_heun(rates, x, sigmas):
  def step(state, interval):
    (x, log_det), (here, there) = state, interval
    v, divergence = rates(x, jnp.full(len(x), here))
    v_there, divergence_there = rates(x + (there - here) * v, jnp.full(len(x), there))
    x = x + (there - here) / 2 * (v + v_there)
    # The trapezoid in log sigma, where the integrand is constant as soon as noise prevails.
    log_det += jnp.log(there / here) / 2 * (here * divergence + there * divergence_there)
    return (x, log_det), None

  return lax.scan(step, (x, jnp.zeros(len(x))), (sigmas[:-1], sigmas[1:]))[0]


def _probes(rng, x, num_probes):
  """Directions [K, B, ...] the sum over which is a trace: signs over sqrt(K), or for no probes those of all axes."""
  if num_probes:
    return jax.random.rademacher(rng, (num_probes, *x.shape), x.dtype) / math.sqrt(num_probes)
  dims = x[0].size
  return jnp.broadcast_to(jnp.eye(dims, dtype=x.dtype).reshape(dims, 1, *x.shape[1:]), (dims, *x.shape))


def _with_divergence(score_fn, probes):
  """`(x f32[B, ...], sigma f32[B]) -> (v f32[B, ...], div v f32[B])`, of `v = dx / d sigma`."""

  def velocity(x, sigma):
    return -sigma.reshape((-1,) + (1,) * (x.ndim - 1)) * score_fn(x, sigma)

  def rates(x, sigma):
    def along(probe):
      v, change = jax.jvp(lambda x: velocity(x, sigma), (x,), (probe,))
      return v, (probe * change).reshape(len(x), -1).sum(1)

    v, traces = jax.vmap(along, out_axes=(None, 0))(probes)
    return v, traces.sum(0)

  return rates


def _check_levels(sigmas):
  if len(sigmas) < 2:
    raise ValueError(f'the probability-flow ODE needs at least two noise levels, not {len(sigmas)}.')
  if not isinstance(sigmas, Tracer) and not (np.asarray(sigmas) > 0).all():
    raise ValueError(
      'the probability-flow ODE has a score only where there is noise: its noise levels must be positive; let them '
      'start at a small one instead of 0.'
    )
