"""The worker that times PyTorch, eagerly or compiled. It needs torch and numpy alone."""

import os
import time

import torch

from experiments.speed import worker
from experiments.speed.gans import game

_EXAMPLES = 1500  # as many as jaxgen has
_LAYOUTS = {'channels first': torch.contiguous_format, 'channels last': torch.channels_last}


class Side:
  """Holds one game."""

  def versions(self):
    """What this interpreter is."""
    return {'torch': torch.__version__, 'threads': torch.get_num_threads()}

  def build(self, config, twin, compiled, layout=''):
    """Builds the game and takes a step; without a `layout` it does in both, and keeps the faster one."""
    self._batch_size, spec = config['batch_size'], config['data']['fields']
    self._x = torch.randint(0, spec['x']['levels'], (_EXAMPLES, *spec['x']['shape']), dtype=torch.uint8)
    self._label = torch.randint(0, spec['label']['levels'], (_EXAMPLES,))
    games, times, first = {}, {}, None
    for name in (layout,) if layout else _LAYOUTS:
      start = time.perf_counter()
      self._game = games[name] = game.Game(config, twin, _LAYOUTS[name], compiled)
      self._step()
      first = first or time.perf_counter() - start
      times[name] = worker.seconds_per_call(self._step, 0.5)
    layout = min(times, key=times.get)
    self._game = games.pop(layout)
    games.clear()
    return {'parameters': game.parameters(self._game.networks), 'first_step': first, 'layout': layout}

  def train(self, seconds):
    """Seconds per training step."""
    return {'seconds': worker.seconds_per_call(self._step, seconds)}

  def memory(self):
    """The most that the process has held, in MiB: libraries, data and compilation with it."""
    return {'memory': worker.peak_memory()}

  def _step(self):
    indices = torch.randint(0, _EXAMPLES, (self._batch_size,))
    self._game.step(self._x[indices].permute(0, 3, 1, 2), self._label[indices])


if __name__ == '__main__':
  torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count())
  side = Side()
  worker.serve(versions=side.versions, build=side.build, train=side.train, memory=side.memory)
