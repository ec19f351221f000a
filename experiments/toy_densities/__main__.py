"""Every flow, and score models, on densities that are known exactly: how many nats are lost.

    python -m experiments.toy_densities
    python -m experiments.toy_densities --flows=nsf_toy,zuko --densities=toy:rings --seconds-per-fit=120
    python -m experiments.toy_densities --densities=synthetic --flows=gaussian,realnvp_toy,maf_toy,nsf_toy,flowjax

Writes `results.jsonl`, `results.md` and `densities.png` to `--out`. A row that is there is not made again, so that
after a kill the same command goes on; the runs are in `--runs`.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from experiments import arguments
from experiments.toy_densities import ours, peers, pictures, protocol
from experiments.toy_densities.table import table
from jaxgen import files, process
from jaxgen.errors import UserError

HERE = Path(__file__).parent
DEFAULT = ('gaussian', *ours.FLOWS, *peers.PEERS)
FLOWS = ('gaussian', *ours.FLOWS, *ours.SCORES, *peers.PEERS)
GROUPS = {'plane': protocol.PLANE, 'synthetic': protocol.TABLES}


def main() -> None:
  """Trains, measures and writes."""
  asked = _arguments()
  process.set_up()
  limit = protocol.Limit(asked.seconds_per_fit, asked.steps)
  for density in asked.densities:
    points = protocol.points(density)
    for flow in asked.flows:
      if not _done(asked.out, flow, density):
        _write(asked, _row(asked, flow, points, limit))
  _conclude(asked.out, asked.runs)


def _arguments():
  parser = arguments.Parser(
    prog='python -m experiments.toy_densities',
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )
  parser.add_argument(
    '--flows', type=arguments.several(FLOWS), default=DEFAULT, help=f'of {", ".join(FLOWS)}'
  )
  parser.add_argument(
    '--densities', type=_densities, default=protocol.PLANE, help='plane, synthetic, or names'
  )
  parser.add_argument('--seconds-per-fit', type=float, default=20.0, help='of training, compilation left out')
  parser.add_argument(
    '--steps', type=arguments.number, default=0, help='train for so many steps instead, whatever they take'
  )
  parser.add_argument(
    '--seed', type=arguments.number, default=0, help='of weights and batches; the points are always the same'
  )
  parser.add_argument(
    '--like', choices=ours.FLOWS, default='nsf_toy', help='whose parameters the peers have as many of'
  )
  parser.add_argument('--peers-python', default=sys.executable, help='an interpreter that has the peers')
  parser.add_argument('--runs', type=Path, default=Path('runs/toy_densities'))
  parser.add_argument('--out', type=Path, default=HERE)
  return parser.parse_args()


def _densities(value):
  return tuple(density for name in value.split(',') for density in GROUPS.get(name, (name,)))


def _row(asked, flow, points, limit):
  """One fit; a flow that cannot be had or does not come to its end says why, and the others go on."""
  row = {
    'library': flow if flow in peers.PEERS else 'jaxgen',
    'flow': flow,
    'density': points.name,
    'seed': asked.seed,
  }
  try:
    fit = _fit(asked, flow, points, limit)
  except (peers.Missing, UserError, RuntimeError) as error:
    return row | {'failure': f'none: {str(error).partition(";")[0]}'}
  kl, error = protocol.divergence(points, fit.log_prob)
  if not np.isfinite(kl):
    return row | fit.about | {'failure': 'a density of 0 where there are test points'}
  np.savez(_grid_file(asked.runs, points.name, flow), on_grid=fit.on_grid)
  return row | {'kl': kl, 'standard_error': error} | fit.about


def _fit(asked, flow, points, limit):
  folder = _grid_file(asked.runs, points.name, flow).parent
  folder.mkdir(parents=True, exist_ok=True)
  if flow == 'gaussian':
    return protocol.gaussian(points)
  if flow not in peers.PEERS:
    return ours.fit(flow, points, limit, asked.seed, folder / flow)
  drawn, out = folder / 'points.npz', folder / f'{flow}_found.npz'
  np.savez(drawn, train=points.train, test=points.test, grid=points.grid)
  size = ours.parameters(asked.like, points)
  about = peers.run(peers.Job(flow, size, *limit, asked.seed, str(drawn), str(out)), asked.peers_python)
  with np.load(out) as found:
    return protocol.Fit(found['log_prob'], found['on_grid'], about)


def _grid_file(runs, density, flow):
  return runs / density.replace(':', '_') / f'{flow}.npz'


def _rows(out):
  path = out / 'results.jsonl'
  return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def _done(out, flow, density):
  return any(row['flow'] == flow and row['density'] == density and 'kl' in row for row in _rows(out))


def _write(asked, row):
  """In the place of a row of this flow and density, if there is one."""
  same = row['flow'], row['density']
  rows = [each for each in _rows(asked.out) if (each['flow'], each['density']) != same] + [row]
  asked.out.mkdir(parents=True, exist_ok=True)
  files.write_text(asked.out / 'results.jsonl', ''.join(json.dumps(each) + '\n' for each in rows))
  reached = f'{row["kl"]:.4f} ± {row["standard_error"]:.4f} nats' if 'kl' in row else row['failure']
  print(f'{row["density"]:24} {row["flow"]:12} {reached}', flush=True)


def _conclude(out, runs):
  """The table and the picture, in the order of `FLOWS`, of all rows that there are."""
  known = [*protocol.PLANE, *protocol.TABLES]
  order = {name: place for place, name in enumerate([*FLOWS, *known])}
  rows = sorted(
    _rows(out), key=lambda row: tuple(order.get(row[key], len(order)) for key in ('density', 'flow'))
  )
  files.write_text(out / 'results.md', table(rows))
  drawn = {row['flow']: {} for row in sorted(rows, key=lambda row: order.get(row['flow'], len(order)))}
  for row in rows:
    path = _grid_file(runs, row['density'], row['flow'])
    if row['density'] in protocol.PLANE and path.is_file():
      with np.load(path) as found:
        drawn[row['flow']][row['density']] = found['on_grid']
  shown = [name for name in protocol.PLANE if any(name in found for found in drawn.values())]
  if shown:
    pictures.wall([protocol.points(name) for name in shown], drawn, out / 'densities.png')


if __name__ == '__main__':
  arguments.run(main)
