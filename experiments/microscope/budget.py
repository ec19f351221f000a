"""Equal wall-clock: what a training step of each family costs, and runs that end with the minutes all are given.

One dispatch after the other is timed, as the loop makes them, after the first one, which compiles. What is counted is
the training step itself: compilation and measurement are no part of the budget; they are reported.
From the speed follows how often a run saves what is looked at later. It ends by the clock (`config.max_minutes`):
the speed of a machine wavers too much to be foretold. So learning rates are constant after their warm-up.
"""

import time
from typing import NamedTuple

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments.microscope import families
from experiments.microscope.settings import Settings, kept
from experiments.microscope.side_by_side import side_by_side
from jaxgen import parallel
from jaxgen.loop import preparation
from jaxgen.plan import peak_bytes

MOMENTS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)  # of the budget, at which a run is looked at
_CHECKPOINTS = 20  # of a run, at the speed measured beforehand: more than 1 / MOMENTS[0], lest it be slower
_FASTER = 3  # times that a machine may become before its runs end early


class Bill(NamedTuple):
  """What a family costs on this machine, and how many steps the budget buys.

  Attributes:
    width: of its networks.
    parameters: of each part, by name.
    steps: that fit into the minutes at the speed measured beforehand.
    steps_per_second: that speed.
    compile_seconds: to the end of the first dispatch, initialization included, two families at a time.
    peak_bytes: of the training program: arguments, results and temporaries.
  """

  width: int
  parameters: dict[str, int]
  steps: int
  steps_per_second: float
  compile_seconds: float
  peak_bytes: int


def bills(settings: Settings, say=print) -> dict[str, Bill]:
  """A bill for each family; kept, so that a microscope that goes on trains the same programs."""
  stored = kept(settings.out / 'budget.json', lambda: _measure(settings, say))
  return {name: Bill(**bill) for name, bill in stored.items()}


def run_config(family: str, settings: Settings, bill: Bill, seed: int) -> ConfigDict:
  """The config of one run: the family's, its length and its checkpoints fitted to the budget."""
  config = families.config_of(family, settings, bill.width, seed)
  config.num_steps, config.max_minutes = _FASTER * bill.steps, settings.minutes
  # The first moment has to lie behind at least one dispatch: small budgets have smaller ones.
  config.steps_per_dispatch = min(config.steps_per_dispatch, max(1, int(bill.steps * MOMENTS[0])))
  config.checkpoint_every = max(1, bill.steps // _CHECKPOINTS)
  config.keep_checkpoints = (_FASTER + 1) * _CHECKPOINTS
  config.log_every = config.checkpoint_every
  config.eval_every = config.sample_every = 0
  for optimizer in (config.optimizer, config.get('discriminator_optimizer', config.optimizer)):
    optimizer.warmup_steps = min(optimizer.warmup_steps, bill.steps // 10)
  if 'kl_warmup_steps' in config.model:
    config.model.kl_warmup_steps = min(config.model.kl_warmup_steps, bill.steps // 4)
  return config


def _measure(settings, say):
  def compiled(name):
    width, parameters = families.width_for(name, settings)
    clock = _Clock(families.config_of(name, settings, width), width, parameters)
    title, total = families.FAMILIES[name].title, sum(parameters.values())
    say(f'{title:16} {total:>9,} parameters, compiled in {clock.compile_seconds:.0f} s')
    return clock

  clocks = dict(zip(families.FAMILIES, side_by_side(compiled, families.FAMILIES), strict=True))
  for clock in clocks.values():
    clock.run(min(1.0, settings.minutes * 60 / 10))
  found = {name: clock.bill(settings.minutes * 60)._asdict() for name, clock in clocks.items()}
  for name, bill in found.items():
    say(
      f'{families.FAMILIES[name].title:16} {bill["steps_per_second"]:8.1f} steps/s: about {bill["steps"]:,} steps'
    )
  return found


class _Clock:
  """Compiles the training step of a config, and times it."""

  def __init__(self, config, width, parameters):
    start = time.perf_counter()
    self._setting = preparation.prepare(config, '')
    self._state = preparation.first_state(self._setting)
    step = parallel.data_parallel(self._setting.model.update.apply, self._setting.backend)
    self._feed = preparation.dispatches(self._setting, 0, 10**9)
    batches = next(self._feed).batches
    self._step = step.lower(self._state, batches, self._setting.resident).compile()
    self._dispatch(batches)
    self.compile_seconds = time.perf_counter() - start
    self._width, self._parameters, self._times = width, parameters, []

  def run(self, seconds):
    """Times dispatches for so long, at least two of them; batches are made outside of the time, as in the loop."""
    start, count = time.perf_counter(), 0
    while count < 2 or time.perf_counter() - start < seconds:
      begin = time.perf_counter()
      self._dispatch(next(self._feed).batches)
      self._times.append(time.perf_counter() - begin)
      count += 1

  def bill(self, seconds):
    size = self._setting.config.steps_per_dispatch
    rate = size / float(np.mean(self._times))
    return Bill(
      width=self._width,
      parameters=self._parameters,
      steps=max(4, round(seconds * rate)),  # some to be looked at between
      steps_per_second=rate,
      compile_seconds=self.compile_seconds,
      peak_bytes=peak_bytes(self._step),
    )

  def _dispatch(self, batches):
    self._state, metrics = self._step(self._state, batches, self._setting.resident)
    jax.block_until_ready(metrics)
