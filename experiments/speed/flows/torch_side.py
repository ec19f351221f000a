"""The worker that times nflows, zuko and normflows, eager or compiled: one flow of one of them."""

import os
import signal
import time
from functools import partial

import torch

from experiments.speed import worker
from experiments.speed.flows.sizes import BINS, BOUND, SIZES
from experiments.speed.twins import glow as twin


def _mlp(hidden, inputs, outputs):
  class Network(torch.nn.Sequential):
    def forward(self, x, context=None):
      return super().forward(x)

  widths = (inputs, *hidden)
  layers = [torch.nn.Linear(*pair) for pair in zip(widths[:-1], hidden, strict=True)]
  return Network(
    *(part for one in layers for part in (one, torch.nn.ReLU())), torch.nn.Linear(hidden[-1], outputs)
  )


def nflows(name, size):
  """`(module, log_prob(x), sample(num))`."""
  from nflows import transforms
  from nflows.distributions.normal import StandardNormal
  from nflows.flows import Flow

  if name == 'glow':
    return _nflows_glow(size)
  layers = []
  for _ in range(size.depth):
    if name == 'spline':
      mask = [index >= size.dims // 2 for index in range(size.dims)]
      one = transforms.PiecewiseRationalQuadraticCouplingTransform(
        torch.tensor(mask).int(), partial(_mlp, size.hidden), BINS, tails='linear', tail_bound=BOUND
      )
    else:
      one = transforms.MaskedAffineAutoregressiveTransform(
        size.dims, size.hidden[0], num_blocks=1, use_residual_blocks=False
      )
    layers += [one, transforms.ReversePermutation(size.dims)]
  flow = Flow(transforms.CompositeTransform(layers), StandardNormal([size.dims]))
  return flow, flow.log_prob, flow.sample


def _nflows_glow(size):
  from nflows import transforms
  from nflows.distributions.normal import StandardNormal
  from nflows.flows import Flow

  class Conditioner(torch.nn.Module):
    def __init__(self, inputs, outputs):
      super().__init__()
      self.layers = twin.conditioner(inputs, size.hidden[0], outputs)

    def forward(self, x, context=None):
      return self.layers(x)

  height, width, channels = size.shape
  whole, x = transforms.MultiscaleCompositeTransform(size.levels), (channels, height, width)
  for _ in range(size.levels):
    squeeze = transforms.SqueezeTransform()
    x = squeeze.get_output_shape(*x)
    layers = [squeeze]
    for _ in range(size.depth):
      mask = torch.arange(x[0]) >= x[0] // 2
      layers += [
        transforms.ActNorm(x[0]),
        transforms.OneByOneConvolution(x[0]),
        transforms.AffineCouplingTransform(mask.int(), Conditioner),
      ]
    x = whole.add_transform(transforms.CompositeTransform(layers), x) or x
  flow = Flow(whole, StandardNormal([height * width * channels]))
  flow.log_prob(torch.rand(64, channels, height, width))  # activation normalization looks at a batch
  return flow, flow.log_prob, flow.sample


def zuko(name, size):
  """`(module, log_prob(x), sample(num))`."""
  import zuko as package

  if name == 'maf':
    flow = package.flows.MAF(size.dims, transforms=size.depth, hidden_features=size.hidden)
  else:
    layers = [
      package.flows.coupling.GeneralCouplingTransform(
        size.dims,
        mask=torch.arange(size.dims) % 2 == index % 2,
        univariate=partial(package.transforms.MonotonicRQSTransform, bound=BOUND),
        shapes=((BINS,), (BINS,), (BINS - 1,)),
        hidden_features=size.hidden,
      )
      for index in range(size.depth)
    ]
    normal = package.lazy.UnconditionalDistribution(
      package.distributions.DiagNormal, torch.zeros(size.dims), torch.ones(size.dims), buffer=True
    )
    flow = package.lazy.Flow(layers, normal)
  return flow, lambda x: flow().log_prob(x), lambda num: flow().sample((num,))


def normflows(name, size):
  """`(module, log_prob(x), sample(num))`."""
  import normflows as nf
  from normflows.flows.neural_spline.coupling import PiecewiseRationalQuadraticCoupling

  if name == 'glow':
    return _normflows_glow(nf, size)
  layers = []
  for _ in range(size.depth):
    if name == 'spline':
      one = nf.flows.CoupledRationalQuadraticSpline(
        size.dims, 1, size.hidden[0], num_bins=BINS, tail_bound=BOUND
      )
      mask = [index >= size.dims // 2 for index in range(size.dims)]
      one.prqct = PiecewiseRationalQuadraticCoupling(
        torch.tensor(mask).int(), partial(_mlp, size.hidden), BINS, tails='linear', tail_bound=BOUND
      )
    else:
      one = nf.flows.MaskedAffineAutoregressive(
        size.dims, size.hidden[0], num_blocks=1, use_residual_blocks=False
      )
    layers += [one, nf.flows.Permute(size.dims, mode='swap')]
  flow = nf.NormalizingFlow(nf.distributions.DiagGaussian(size.dims, trainable=False), layers)
  return flow, flow.log_prob, lambda num: flow.sample(num)[0]


def _normflows_glow(nf, size):
  height, width, channels = size.shape
  levels, merges, bases = [], [], []
  for level in range(size.levels):
    deep = level < size.levels - 1  # the first of its lists is the farthest from the data
    inside = channels * 2 ** (size.levels + 1 - level)
    steps = [
      nf.flows.GlowBlock(inside, size.hidden[0], split_mode='channel', net_actnorm=True)
      for _ in range(size.depth)
    ]
    levels.append([*steps, nf.flows.Squeeze()])
    merges += [nf.flows.Merge()] if deep else []
    side = 2 ** (size.levels - level)
    leaving = inside if level == 0 else inside // 2
    bases.append(nf.distributions.DiagGaussian((leaving, height // side, width // side), trainable=False))
  flow = nf.MultiscaleFlow(bases, levels, merges, class_cond=False)
  flow.log_prob(torch.rand(64, channels, height, width), None)
  return flow, lambda x: flow.log_prob(x, None), lambda num: flow.sample(num)[0]


BUILD = {'nflows': nflows, 'zuko': zuko, 'normflows': normflows}


class Side:
  """Holds one flow."""

  def build(self, side, flow, compiled):
    """Makes the module; answers how many parameters it has and on which version."""
    size = SIZES[flow]
    module, log_prob, sample = BUILD[side](flow, size)
    self._shape = (size.dims,) if size.dims else (size.shape[2], *size.shape[:2])
    self._parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    loss = lambda x: -log_prob(x).mean()  # noqa: E731
    self._loss, self._sample = (torch.compile(loss), torch.compile(sample)) if compiled else (loss, sample)
    return {'parameters': sum(p.numel() for p in self._parameters), 'version': torch.__version__}

  def time(self, what, batch, seconds, limit=0):
    """Seconds of one call; with `seconds` of 0 those of the first, or None if it took longer than `limit`."""
    x = torch.rand(batch, *self._shape)
    call = partial(self._gradient, x) if what == 'gradient' else partial(self._draw, batch)
    if seconds:
      return {'seconds': worker.seconds_per_call(call, seconds)}
    start = time.perf_counter()
    try:
      signal.alarm(limit)
      call()
    except (TimeoutError, RuntimeError) as error:
      return {'seconds': None, 'why': f'{type(error).__name__} {error}'[:200]}
    finally:
      signal.alarm(0)
    return {'seconds': time.perf_counter() - start}

  def _gradient(self, x):
    for parameter in self._parameters:
      parameter.grad = None
    self._loss(x).backward()

  def _draw(self, num):
    with torch.no_grad():
      self._sample(num)


def _late(number, frame):
  raise TimeoutError


if __name__ == '__main__':
  signal.signal(signal.SIGALRM, _late)
  torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count())
  side = Side()
  worker.serve(build=side.build, time=side.time)
