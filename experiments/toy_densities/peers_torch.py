"""nflows, zuko and normflows: autoregressive neural spline flows of PyTorch."""

import importlib.metadata
import time

import numpy as np
import torch

from experiments.toy_densities.peers import BATCH, BINS, BOUND, LAYERS, Job, learning_rate, width_for


def _nflows(dims, width):
  from nflows import distributions, flows, transforms

  spline = transforms.MaskedPiecewiseRationalQuadraticAutoregressiveTransform
  layers = []
  for _ in range(LAYERS):
    layers.append(transforms.LULinear(dims, identity_init=True))
    layers.append(
      spline(
        dims, width, num_blocks=2, use_residual_blocks=False, num_bins=BINS, tails='linear', tail_bound=BOUND
      )
    )
  flow = flows.Flow(transforms.CompositeTransform(layers), distributions.StandardNormal([dims]))
  return flow, flow.log_prob


def _zuko(dims, width):
  import zuko

  flow = zuko.flows.NSF(dims, transforms=LAYERS, bins=BINS, hidden_features=(width, width))
  return flow, lambda x: flow().log_prob(x)


def _normflows(dims, width):
  import normflows

  layers = []
  for _ in range(LAYERS):
    layers.append(
      normflows.flows.AutoregressiveRationalQuadraticSpline(dims, 1, width, num_bins=BINS, tail_bound=BOUND)
    )
    layers.append(normflows.flows.LULinearPermute(dims))
  base = normflows.distributions.base.DiagGaussian(dims, trainable=False)
  flow = normflows.NormalizingFlow(base, layers)
  return flow, flow.log_prob


BUILD = {'nflows': _nflows, 'zuko': _zuko, 'normflows': _normflows}


def fit(job: Job, train: np.ndarray):
  """Trains; returns a log-density `f32[N, D] -> f64[N]`, and what the table says of the fit."""
  build, dims = BUILD[job.peer], train.shape[1]

  def count(width):
    return sum(p.numel() for p in build(dims, width)[0].parameters())

  width = width_for(count, job.parameters)
  torch.manual_seed(job.seed)
  flow, log_prob = build(dims, width)
  optimizer = torch.optim.Adam(flow.parameters(), lr=0.0)
  points, rng = torch.from_numpy(train), torch.Generator().manual_seed(job.seed)

  def one(rate):
    optimizer.param_groups[0]['lr'] = rate
    loss = -log_prob(points[torch.randint(len(points), (BATCH,), generator=rng)]).mean()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
    optimizer.step()

  _take_the_faster_threads(lambda: one(0.0))
  start, cpu, step, spent = time.perf_counter(), time.process_time(), 0, 0.0
  while spent < 1:
    one(learning_rate(spent, step))
    step += 1
    seconds = time.perf_counter() - start
    spent = step / job.steps if job.steps else seconds / job.seconds
  about = {
    'parameters': sum(p.numel() for p in flow.parameters()),
    'steps': step,
    'seconds': seconds,
    'cpu_minutes': (time.process_time() - cpu) / 60,
    'threads': torch.get_num_threads(),
    'versions': {name: importlib.metadata.version(name) for name in (job.peer, 'torch')},
  }
  flow.eval()

  @torch.no_grad()
  def evaluate(x):
    parts = [log_prob(part).double().numpy() for part in torch.from_numpy(x).split(10_000) if len(part)]
    return np.concatenate([np.zeros(0), *parts])

  return evaluate, about


def _take_the_faster_threads(step):
  """One thread or all: of arrays this small, several may spend more time on waiting for each other than on work."""
  times = {}
  for threads in sorted({1, torch.get_num_threads()}):
    torch.set_num_threads(threads)
    step()
    start = time.perf_counter()
    for _ in range(3):
      step()
    times[threads] = time.perf_counter() - start
  torch.set_num_threads(min(times, key=times.get))
