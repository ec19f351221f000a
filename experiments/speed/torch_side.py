"""The worker that times PyTorch, eagerly or compiled, at the best of its settings. It needs torch and numpy alone."""

import importlib
import os
import time

import torch

from experiments.speed import worker

_EXAMPLES = 1500
_LAYOUTS = {'channels first': torch.contiguous_format, 'channels last': torch.channels_last}


class Side:
  """Holds one model in the layout that was faster."""

  def versions(self):
    """What this interpreter is."""
    return {'torch': torch.__version__, 'threads': torch.get_num_threads()}

  def build(self, config, twin, compiled=False, layout=''):
    """Builds the model and takes a step; without a `layout` it does in both, and keeps the faster one."""
    self._batch_size, x = config['batch_size'], config['data']['fields']['x']
    number = torch.uint8 if x['levels'] <= 256 else torch.int32
    self._data = torch.randint(0, x['levels'], (_EXAMPLES, *x['shape']), dtype=number)
    layouts = _LAYOUTS if x['kind'] == 'image' else {'plain': torch.contiguous_format}
    module = importlib.import_module(f'experiments.speed.twins.{twin}')
    twins, times, first = {}, {}, None
    for name in (layout,) if layout else layouts:
      start = time.perf_counter()
      self._twin = twins[name] = module.build(config, layouts[name])
      for network in self._twin.networks if compiled else ():
        network.compile()
      self._step()
      first = first or time.perf_counter() - start
      times[name] = worker.seconds_per_call(self._step, 0.5)
    layout = min(times, key=times.get)
    self._twin = twins[layout]
    parameters = sum(p.numel() for p in self._twin.parameters)
    return {'parameters': parameters, 'first_step': first, 'layout': layout}

  def train(self, seconds):
    """Seconds per training step."""
    return {'seconds': worker.seconds_per_call(self._step, seconds)}

  def sample(self, num, seconds):
    """Seconds for `num` samples."""
    start = time.perf_counter()
    self._draw(num)
    first = time.perf_counter() - start
    return {'first': first, 'seconds': worker.seconds_per_call(lambda: self._draw(num), seconds)}

  def _draw(self, num):
    with torch.inference_mode():
      self._twin.sample(num)

  def _step(self):
    indices = torch.randint(0, _EXAMPLES, (self._batch_size,))
    x = self._data[indices]
    self._twin.step(x.permute(0, 3, 1, 2) if x.ndim == 4 else x)


if __name__ == '__main__':
  torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count())
  side = Side()
  worker.serve(versions=side.versions, build=side.build, train=side.train, sample=side.sample)
