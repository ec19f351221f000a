"""What every twin needs: the optimizer of a config, its schedule, and averaged weights."""

import copy
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import nn

_OPTIMIZERS = {
  'adam': lambda params, c: torch.optim.Adam(params, betas=(c['b1'], c['b2']), eps=c['eps'], fused=True),
  'adamax': lambda params, c: torch.optim.Adamax(
    params, betas=(c['b1'], c['b2']), eps=c['eps'], foreach=True
  ),
}
_AFTER = {
  'constant': lambda part: 1.0,
  'cosine': lambda part: 0.5 * (1 + math.cos(math.pi * part)),
  'linear': lambda part: 1 - part,
}


class Twin(NamedTuple):
  """A model in PyTorch.

  Attributes:
    parameters: all of them.
    step: one of training, on u8[B, C, H, W], tokens i[B, T] or sound u8[B, T, 1].
    sample: so many.
    networks: those whose calls are compiled where the model is timed compiled too; none where it is not.
  """

  parameters: Sequence[nn.Parameter]
  step: Callable[[torch.Tensor], None]
  sample: Callable[[int], torch.Tensor]
  networks: Sequence[nn.Module] = ()


class Optimizer:
  """`config['optimizer']`: clipping, warm-up, schedule and rule."""

  def __init__(self, params, config, num_steps):
    self._params, self._config, self._num_steps, self._count = list(params), config, num_steps, 0
    self._rule = _OPTIMIZERS[config['name']](self._params, config)

  def step(self):
    """Applies the gradients that `backward` has left, and clears them."""
    config = self._config
    if config['clip_norm']:
      nn.utils.clip_grad_norm_(self._params, config['clip_norm'], foreach=True)
    for group in self._rule.param_groups:
      group['lr'] = config['learning_rate'] * self._factor()
    self._rule.step()
    self._rule.zero_grad()
    self._count += 1

  def _factor(self):
    warmup = self._config['warmup_steps']
    if self._count < warmup:
      return self._count / warmup
    return _AFTER[self._config['schedule']](
      min(1.0, (self._count - warmup) / max(1, self._num_steps - warmup))
    )


class Average:
  """An exponential moving average of a module's parameters, in a copy of it that `module` holds."""

  def __init__(self, module: nn.Module, decay: float):
    self.module = copy.deepcopy(module).requires_grad_(False).eval()
    self._pairs = [list(m.parameters()) for m in (self.module, module)]
    self._decay, self._count = decay, 0

  def update(self):
    """Moves the average towards the parameters."""
    rate = min(self._decay, (1 + self._count) / (10 + self._count))
    with torch.no_grad():
      torch._foreach_lerp_(*self._pairs, 1 - rate)
    self._count += 1


def normal_log_prob(z: torch.Tensor) -> torch.Tensor:
  """Standard normal, summed over all but the first axis."""
  return -0.5 * (z.square() + math.log(2 * math.pi)).flatten(1).sum(1)
