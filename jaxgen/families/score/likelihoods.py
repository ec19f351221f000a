"""How a score model comes to a log-likelihood: along its ODE, or by the variational bound over its noise levels."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import fields
from jaxgen.families.score.bound import diffusion_bound
from jaxgen.families.score.decoder import log_mass_bound
from jaxgen.families.score.path import Path
from jaxgen.losses.score import geometric_sigmas
from jaxgen.samplers.probability_flow import MOST_STEPS, probability_flow_log_prob
from jaxgen.types import Estimate, Field

_EXACT_DIMENSIONS = 3  # in which a whole Jacobian is cheap


class Likelihood(NamedTuple):
  """A way to a log-likelihood, whatever the way to samples is.

  Attributes:
    estimate: `(x, path) -> Estimate`, what it is an estimate of, and what it takes; of no conditions.
    log_prob: `(score_fn, rng, x [B, *shape], levels, path) -> f32[B]`, in nats: the log-mass of discrete data, and of
      continuous data, without levels, the log-density; `score_fn(x f32[B, *shape], sigma f32[B])` is f32[B, *shape].
  """

  estimate: Callable[[Field, Path], Estimate]
  log_prob: Callable[..., jax.Array]


def ode(num_steps: int = 50, probes: int = 1, tolerance: float = 0.0, end: float = 0.0) -> Likelihood:
  """The density of the probability-flow ODE, see `jaxgen.samplers.probability_flow_log_prob`.

  Of continuous data it is that of the data blurred by the noise at which it ends, at the point itself; of discrete
  data an estimate of the bound that `jaxgen.families.score.decoder.log_mass_bound` makes of it, by one draw of that
  noise. The bound holds at any level of the path, and how tight it is depends on the level.

  Args:
    num_steps: of Heun's method, uniform in log sigma, two evaluations of the network and its derivative each; of no
      account with a tolerance.
    probes: random directions behind a divergence; 0 for all, as it is in up to three dimensions whatever this says.
    tolerance: nats, of the error of the numerical solution, in as many steps as an example needs; NaN where it cannot
      be kept. 0 for `num_steps`.
    end: sigma, the smallest noise of the ODE; 0 for the path's last level.

  Raises:
    ValueError: if there are no steps, or probes or tolerance are negative; when it meets the path, if it ends at a
      noise that is not of the path.
  """
  if num_steps < 1:
    raise ValueError(f'num_steps must be at least 1, not {num_steps}.')
  if probes < 0 or tolerance < 0:
    raise ValueError(f'probes and tolerance must not be negative, but are {probes} and {tolerance}.')

  def estimate(x, path):
    return Estimate(
      'ODE estimate of a lower bound' if x.levels else 'ODE estimate for blurred data',
      ode_steps=MOST_STEPS if tolerance else num_steps,
      probes=0 if fields.size(x) <= _EXACT_DIMENSIONS else probes,
      noise_draws=int(x.levels > 0),
      tolerance=tolerance,
      smallest_noise=_ends(path, end)[1],
    )

  def log_prob(score_fn, rng, x, levels, path):
    largest, smallest = _ends(path, end)
    rising = geometric_sigmas(largest, smallest, num_steps + 1)[::-1]
    directions = 0 if x[0].size <= _EXACT_DIMENSIONS else probes
    log_density = lambda rng, y: probability_flow_log_prob(score_fn, rng, y, rising, directions, tolerance)  # noqa: E731
    if not levels:
      return log_density(rng, x)
    at_smallest = lambda y: score_fn(y, jnp.full(len(y), smallest))  # noqa: E731
    return log_mass_bound(at_smallest, log_density, rng, x, smallest, levels)

  return Likelihood(estimate, log_prob)


def bound(num_levels: int = 0, terms: int = 0) -> Likelihood:
  """The variational bound of discrete data over noise levels, see `jaxgen.families.score.bound.diffusion_bound`.

  Args:
    num_levels: T; 0 for the levels of the path.
    terms: how many of the T - 1 steps are drawn for an example, so that their sum has no bias; 0 for all.

  Raises:
    ValueError: if there is one level, or one of these is negative; when it meets the data, if these are continuous, or
      if there are more terms than steps.
  """
  if num_levels < 0 or num_levels == 1 or terms < 0:
    raise ValueError(f'a bound needs at least two levels, not {num_levels}, and no negative terms, {terms}.')

  def estimate(x, path):
    total = len(_levels(path, num_levels))
    if not x.levels:
      raise ValueError(
        'the bound of a diffusion is one of discrete data; take the likelihood along the ODE for continuous data.'
      )
    if terms >= total:
      raise ValueError(
        f'of {total} levels there are {total - 1} steps, not {terms}; set terms=0 for all of them.'
      )
    return Estimate('lower bound', noise_draws=1, diffusion_levels=total, drawn_terms=terms)

  def log_prob(score_fn, rng, x, levels, path):
    return diffusion_bound(score_fn, rng, x, _levels(path, num_levels), levels, terms)

  return Likelihood(estimate, log_prob)


# `(**settings) -> Likelihood`, by the names of `config.model.likelihood`
LIKELIHOODS: dict[str, Callable[..., Likelihood]] = {'ode': ode, 'bound': bound}


def _ends(path, end):
  # In the digits that a config gives: an ulp of float32 makes no other end, and no estimate that is unlike.
  largest, smallest = (float(f'{path.sigmas[place]:.6g}') for place in (0, -1))
  if end and not smallest <= end < largest:
    raise ValueError(
      f'the ODE ends at a noise of its path, which has those from {smallest:g} to {largest:g}, not at {end:g}; '
      'set end=0 for the least of them.'
    )
  return largest, end or smallest


def _levels(path, num):
  return np.asarray(path.spaced(num) if num else path.sigmas, np.float32)
