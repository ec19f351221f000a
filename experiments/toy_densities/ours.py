"""The flows and score models of `configs/`, trained by `jaxgen.train` in the ordinary way."""

import contextlib
import json
import time
from pathlib import Path

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments.toy_densities.protocol import Fit, Limit, Points
from jaxgen import beginning, config_files, data, experiment, keys, train
from jaxgen.runs import writers
from jaxgen.versions import versions

FLOWS = ('planar_toy', 'radial_toy', 'realnvp_toy', 'maf_toy', 'nsf_toy', 'nsf_ar_toy')
# Their densities are of the data blurred by the smallest noise, by the ODE.
SCORES = ('ncsn_toy', 'vpsde_toy', 'flow_matching_toy')
_TRIED = 0.1  # of the seconds, to find out how many steps they hold


def parameters(flow: str, points: Points) -> int:
  """How many the flow of this config has on these data; nothing is trained."""
  config = data.resolve(_config(flow, points, 0))
  shapes = beginning.first_shapes(experiment.build_model(config), config)
  return sum(leaf.size for leaf in jax.tree.leaves(shapes.params))


def fit(flow: str, points: Points, limit: Limit, seed: int, workdir: Path) -> Fit:
  """Trains a flow, or goes on with the run that `workdir` holds; schedules end where the seconds do.

  Raises:
    UserError: if there is no such config, it does not fit the data, or the loss is no longer finite.
  """
  config = _config(flow, points, seed)
  config.num_steps = limit.steps or _steps_within(config, limit.seconds, workdir)
  cpu = time.process_time()
  with _quietly(workdir):
    train.train(config, workdir)
  cpu = time.process_time() - cpu
  trained = experiment.load(workdir)
  command = f'python -m jaxgen.main --config={flow} --config.data.name={points.name}'
  if 'width' in config.model:
    command += f' --config.model.width={config.model.width}'
  about = {
    'parameters': sum(leaf.size for leaf in jax.tree.leaves(trained.state.params)),
    'steps': int(trained.state.step),
    'seconds': _seconds(workdir),
    'cpu_minutes': cpu / 60,
    'command': f'{command} --config.num_steps={config.num_steps} --config.seed={seed}',
    'versions': versions(),
  }
  params, extra = trained.weights()['averaged']
  log_prob = jax.jit(trained.model.log_prob)
  return Fit(*(_in_parts(log_prob, params, extra, x) for x in (points.test, points.grid)), about)


def _in_parts(log_prob, params, extra, x, size=10_000):
  parts = [x[first : first + size] for first in range(0, len(x), size)]
  rng = keys.of(0, 'likelihood')
  found = [np.asarray(log_prob(params, extra, rng, {'x': part}), np.float64) for part in parts]
  return np.concatenate([np.zeros(0), *found])


def _config(flow, points, seed):
  config = config_files.load(flow)
  config.data.name, config.seed = points.name, seed
  config.eval_every = config.sample_every = 0  # nothing but training takes time
  if 'width' in config.model:  # no network is narrower than an example is long
    config.model.width = max(config.model.width, points.density.dims)
  return config


def _steps_within(config, seconds, workdir):
  """How many steps so many seconds hold, by a short run beside the real one; the same when the run goes on."""
  path = workdir / 'steps.json'
  if not path.exists():
    tried = ConfigDict(config.to_dict())
    tried.max_minutes, tried.log_every = seconds * _TRIED / 60, config.steps_per_dispatch
    with _quietly(workdir / 'tried'):
      train.train(tried, workdir / 'tried')
    path.write_text(json.dumps(max(1, round(_rate(workdir / 'tried') * seconds))))
  return json.loads(path.read_text())


def _rate(workdir):
  rates = [row['steps_per_second'] for row in _rows(workdir) if 'steps_per_second' in row]
  return float(np.median(rates))


def _seconds(workdir):
  """What the steps took at the speeds that the run wrote down."""
  rows = _rows(workdir)
  steps = np.diff([0, *(row['step'] for row in rows)])
  rates = [row.get('steps_per_second') for row in rows]
  known = [rate for rate in rates if rate] or [np.inf]
  return float(sum(num / (rate or known[0]) for num, rate in zip(steps, rates, strict=True)))


def _rows(workdir):
  return [row for row in writers.read(workdir) if row['split'] == 'train']


@contextlib.contextmanager
def _quietly(workdir):
  """What the loop prints goes into a file beside its run."""
  workdir.mkdir(parents=True, exist_ok=True)
  with open(workdir / 'log.txt', 'a') as log, contextlib.redirect_stdout(log):
    yield
