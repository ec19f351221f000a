"""The worker that times convolutions of PyTorch, channels last. It needs torch alone."""

import os

import torch

from experiments.speed import worker

_MASKS = {'x': [True, False, False], 'k': [False, True, False]}
_calls = {}


def versions():
  """What this interpreter is."""
  return {'torch': torch.__version__}


def time(shape, wanted, seconds):
  """Seconds for the array named `wanted` from the other two."""
  key = (*shape, wanted)
  if key not in _calls:
    _calls[key] = _call(*shape, wanted)
  return {'seconds': worker.seconds_per_call(_calls[key], seconds)}


def _call(batch, side, channels, features, wanted):
  x, k, y = (
    torch.randn(size).contiguous(memory_format=torch.channels_last)
    for size in ((batch, channels, side, side), (features, channels, 3, 3), (batch, features, side, side))
  )
  if wanted == 'y':
    return lambda: torch.nn.functional.conv2d(x, k, padding=1)
  ones = [1, 1]
  return lambda: torch.ops.aten.convolution_backward(
    y, x, k, None, ones, ones, ones, False, [0, 0], 1, _MASKS[wanted]
  )


if __name__ == '__main__':
  torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count())
  worker.serve(versions=versions, time=time)
