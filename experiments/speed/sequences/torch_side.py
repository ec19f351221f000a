"""The worker that draws the same Transformer's text in PyTorch: by nanoGPT's loop, by a cache, by `transformers`."""

import importlib.util
import os

import numpy as np
import torch

from experiments.speed import worker
from experiments.speed.twins import tokens, transformer

_AGREE = 1e-4  # logits, of values of a few units


class Side:
  """Holds one network with jaxgen's weights, and all ways to draw from it."""

  def versions(self):
    """What this interpreter is."""
    found = {'torch': torch.__version__, 'threads': torch.get_num_threads()}
    if importlib.util.find_spec('transformers'):
      import transformers

      found['transformers'] = transformers.__version__
    return found

  def build(self, path, model, length):
    """The network by the weights in a file, which must give the logits that are there.

    Returns:
      The names of the ways, and by how much the logits of each network differ from jaxgen's.
    """
    with np.load(path) as stored:
      weights = dict(stored)
    x, logits = (torch.from_numpy(weights.pop(f'compared/{name}')) for name in ('x', 'logits'))
    self._levels, self._length = logits.shape[-1], length
    network = transformer.Transformer(
      self._levels, model['width'], model['num_layers'], model['num_heads'], 0.0
    )
    transformer.fill(network, weights)
    network.eval()
    one_by_one = transformer.OneByOne(network, length)
    networks = {'PyTorch, cached': network}
    self._ways = {
      'nanoGPT': lambda num: self._cropped(network, num),
      'PyTorch, cached': lambda num: tokens.written(one_by_one, num, length, self._levels),
    }
    if importlib.util.find_spec('transformers'):
      from experiments.speed.sequences import neox

      peer = neox.build(network, length)
      networks['transformers'] = lambda x: neox.logits(peer, x, self._levels)
      self._ways['transformers'] = lambda num: neox.generate(peer, num, length, self._levels)
    with torch.inference_mode():
      apart = {name: float((run(x.long()) - logits).abs().max()) for name, run in networks.items()}
    assert max(apart.values()) < _AGREE, f'not the same network: {apart}'
    return {'ways': list(self._ways), 'apart': apart}

  def sample(self, way, num, seconds):
    """Seconds for `num` texts, drawn together; as in jaxgen a first call is not timed."""
    with torch.inference_mode():
      self._ways[way](num)
      return {'seconds': worker.seconds_per_call(lambda: self._ways[way](num), seconds)}

  def _cropped(self, network, num):
    """As nanoGPT's `generate` does: the whole network for each token, on the last of them that fit the context."""
    text = torch.full((num, 1), self._levels)
    for _ in range(self._length):
      logits = network.following(text[:, -self._length :])
      text = torch.cat([text, torch.multinomial(torch.softmax(logits, -1), 1)], 1)
    return text


if __name__ == '__main__':
  torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count())
  side = Side()
  worker.serve(versions=side.versions, build=side.build, sample=side.sample)
