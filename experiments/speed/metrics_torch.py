"""The worker that times the same in PyTorch, eager, channels last. It needs torch and numpy alone."""

import os
import time

import numpy as np
import torch
import torch.nn.functional as F

from experiments.speed import worker
from experiments.speed.torch_inception import TorchInception


class Side:
  """Holds the network and a batch of images."""

  def build(self, batch):
    """As jaxgen's side."""
    rng = np.random.default_rng(0)
    self._net = TorchInception().eval().to(memory_format=torch.channels_last)
    large = torch.from_numpy(rng.uniform(-1, 1, (batch, 3, 299, 299)).astype(np.float32))
    self._large = large.to(memory_format=torch.channels_last)
    small = torch.from_numpy(rng.integers(0, 256, (batch, 3, 32, 32), np.uint8))
    self._small = small.to(memory_format=torch.channels_last)
    self.network()
    self.pipeline()

  def network(self):
    """299x299 pixels to features."""
    return _timed(lambda: self._net(self._large))

  def pipeline(self):
    """32x32 pixels of 8 bits to features and logits, resized as PyTorch does."""
    return _timed(lambda: self._net(2 * _resize(self._small.float() / 255) - 1))

  def neighbours(self, num, dims):
    """Precision and recall of the features that jaxgen's side makes."""
    rng = np.random.default_rng(0)
    real = torch.from_numpy(rng.standard_normal((num, dims), dtype=np.float32))
    fake = torch.from_numpy(rng.standard_normal((num, dims), dtype=np.float32) * np.float32(1.02))
    start = time.perf_counter()
    with torch.inference_mode():
      across = torch.cdist(real, fake)
      precision = (across <= _radii(real, 3)[:, None]).any(0).float().mean().item()
      recall = (across <= _radii(fake, 3)[None]).any(1).float().mean().item()
    return {'seconds': time.perf_counter() - start, 'value': (precision, recall)}


def _radii(points, k):
  return torch.cdist(points, points).kthvalue(k + 1, dim=1).values  # the nearest is the point itself


def _resize(x):
  return F.interpolate(x, size=(299, 299), mode='bilinear', align_corners=False)


def _timed(call):
  start = time.perf_counter()
  with torch.inference_mode():
    call()
  return {'seconds': time.perf_counter() - start}


if __name__ == '__main__':
  torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count())
  side = Side()
  worker.serve(build=side.build, network=side.network, pipeline=side.pipeline, neighbours=side.neighbours)
