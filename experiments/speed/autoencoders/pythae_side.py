"""The worker that times pythae's own models with its own networks. It needs pythae alone."""

import importlib.metadata
import os
import time

import pythae.models
import torch
from pythae.data.datasets import DatasetOutput
from pythae.samplers import NormalSampler

from experiments.speed import worker

_EXAMPLES = 1500  # as many as jaxgen has


class Side:
  """Holds one model and its optimizer."""

  def versions(self):
    """What this interpreter is."""
    versions = {name: importlib.metadata.version(name) for name in ('pythae', 'torch')}
    return {**versions, 'threads': torch.get_num_threads()}

  def build(self, config, model, settings):
    """Builds the model and takes a step."""
    self._batch_size, rule = config['batch_size'], config['optimizer']
    self._x = torch.randint(0, 2, (_EXAMPLES, 1, 28, 28), dtype=torch.uint8)
    start = time.perf_counter()
    told = getattr(pythae.models, f'{model}_Config' if '_' in model else f'{model}Config')(
      input_dim=(1, 28, 28), latent_dim=config['model']['latent_dim'], reconstruction_loss='bce', **settings
    )
    self._model = getattr(pythae.models, model)(told).train()
    betas = rule['b1'], rule['b2']
    self._rule = torch.optim.Adam(self._model.parameters(), lr=rule['learning_rate'], betas=betas, fused=True)
    self._sampler = NormalSampler(self._model)
    self._step()
    first = time.perf_counter() - start
    return {'parameters': sum(p.numel() for p in self._model.parameters()), 'first_step': first}

  def train(self, seconds):
    """Seconds per training step."""
    return {'seconds': worker.seconds_per_call(self._step, seconds)}

  def sample(self, num, seconds):
    """Seconds for `num` samples."""
    return {'seconds': worker.seconds_per_call(lambda: self._draw(num), seconds)}

  def memory(self):
    """The most that the process has held, in MiB: libraries and data with it."""
    return {'memory': worker.peak_memory()}

  def _step(self):
    indices = torch.randint(0, _EXAMPLES, (self._batch_size,))
    loss = self._model(DatasetOutput(data=self._x[indices].float())).loss
    self._rule.zero_grad()
    loss.backward()
    self._rule.step()

  def _draw(self, num):
    with torch.inference_mode():
      self._sampler.sample(num_samples=num, batch_size=num)


if __name__ == '__main__':
  torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count())
  side = Side()
  worker.serve(
    versions=side.versions, build=side.build, train=side.train, sample=side.sample, memory=side.memory
  )
