"""Annealed Langevin reaches modes that plain Langevin misses."""

import jax
import numpy as np

from experiments.microscope.claims.claim import Evidence
from experiments.microscope.lab import MODES_NEED, Lab, for_picture, modes_reached
from experiments.microscope.verdict import Test, seeds_in_words
from jaxgen.data import toy
from jaxgen.losses.score import geometric_sigmas
from jaxgen.samplers import annealed, balanced, langevin, num_annealed_steps, run

_DENSITY = 'grid_25'
_CHAINS = 2000
_LEVELS, _STEPS_PER_LEVEL = 20, 25
_NONE = np.zeros(1, np.float32)


def annealing(lab: Lab) -> Evidence:
  """Annealed Langevin reaches modes that plain Langevin misses."""
  found = [_both(seed) for seed in lab.seeds]
  names = 'annealed', 'plain'
  rows = [{'name': name, 'values': [chains[name][0] for chains in found]} for name in names]
  panels = [{'name': name, 'points': found[0][name][1]} for name in names]
  steps = num_annealed_steps(_LEVELS, _STEPS_PER_LEVEL)
  reached = {name: np.array([chains[name][0] for chains in found]) for name in names}
  return Evidence(
    [Test('modes of 25, annealed less plain', reached['annealed'] - reached['plain'])],
    [
      {'kind': 'dots', 'x': 'modes reached, of 25', 'rows': rows, 'rule': {'x': 25, 'name': 'all'}},
      {'kind': 'scatter', 'panels': panels, 'limit': 2.75},
    ],
    f'{_CHAINS:,} chains of {steps} steps on 25 Gaussians in the plane, with the exact score, so that nothing '
    f'but the sampler differs; all start around the centre of the plane (standard deviation 0.1). {_LEVELS} '
    'noise levels from 4 to 0.05; the plain chain takes the step of the last level throughout. '
    f'{seeds_in_words(len(lab.seeds))}. '
    f'A mode is reached if {MODES_NEED}.',
  )


def _both(seed):
  density = toy.DENSITIES[_DENSITY]
  sigmas = geometric_sigmas(4.0, 0.05, _LEVELS)
  step_size, temperature = balanced(sigmas, _STEPS_PER_LEVEL, float(density.modes.std()))
  steps = num_annealed_steps(_LEVELS, _STEPS_PER_LEVEL)

  def score(x, sigma=_NONE):
    """Of the mixture blurred by sigma: again a mixture, of wider Gaussians."""
    variance = density.mode_std**2 + sigma[:, None] ** 2
    difference = density.modes - x[:, None]  # [B, M, 2]
    share = jax.nn.softmax(-(difference**2).sum(-1) / (2 * variance), -1)
    return (share[..., None] * difference).sum(1) / variance

  start_rng, rng = jax.random.split(jax.random.key(seed))
  start = 0.1 * jax.random.normal(start_rng, (_CHAINS, 2))
  samplers = {
    'annealed': annealed(score, sigmas, step_size, _STEPS_PER_LEVEL, temperature=temperature),
    'plain': langevin(score, step_size),
  }
  found = {}
  for name, sampler in samplers.items():
    state, _ = jax.jit(lambda rng, start, sampler=sampler: run(sampler, rng, start, steps))(rng, start)
    x = np.asarray(state.position)
    found[name] = modes_reached(x, density), for_picture(x)
  return found
