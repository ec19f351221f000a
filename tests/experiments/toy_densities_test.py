"""The table of flows on known densities: what is measured, what a peer is given, and what goes on after a kill."""

import json
import sys

import jax
import numpy as np
import pytest
from PIL import Image

from experiments.toy_densities import __main__ as command
from experiments.toy_densities import ours, peers, pictures, protocol
from experiments.toy_densities.table import table
from jaxgen.data import synthetic
from jaxgen.errors import UserError


@pytest.fixture(scope='module')
def moons():
  return protocol.points('toy:two_moons')


def test_the_truth_has_no_divergence(moons):
  log_prob = np.asarray(moons.density.log_prob(moons.test), np.float64)
  assert protocol.divergence(moons, log_prob) == (0, 0)
  assert protocol.divergence(moons, log_prob - 0.5)[0] == pytest.approx(0.5)


@pytest.mark.parametrize('name', ['toy:two_moons', 'synthetic:banana_6'])
def test_a_gaussian_loses_what_its_entropy_is_above_that_of_the_data(name):
  """KL(data || best Gaussian) = H(Gaussian) - H(data)."""
  points = protocol.points(name)
  kl, error = protocol.divergence(points, protocol.gaussian(points).log_prob)
  cov = np.cov(points.train, rowvar=False)
  entropy = np.linalg.slogdet(2 * np.pi * np.e * cov)[1] / 2
  assert kl == pytest.approx(entropy - points.density.entropy, abs=5 * error)


def test_the_grid_begins_at_the_top_left_and_covers_the_mass(moons):
  assert moons.grid[0, 0] < 0 < moons.grid[0, 1]
  cell = (2 * moons.density.bound / protocol.GRID) ** 2
  assert np.exp(np.asarray(moons.density.log_prob(moons.grid), np.float64)).sum() * cell == pytest.approx(
    1, abs=1e-3
  )


@pytest.mark.parametrize(
  ('name', 'message'), [('digits', 'Nobody knows'), ('toy:nosuch', 'no density "nosuch"')]
)
def test_data_of_no_known_density_are_refused(name, message):
  with pytest.raises(UserError, match=message):
    protocol.points(name)


@pytest.mark.parametrize('flow', ours.FLOWS)
def test_every_flow_takes_the_longest_table(flow):
  points = protocol.Points('synthetic:banana_63', synthetic.density('banana_63'), *3 * [np.zeros((0, 63))])
  assert ours.parameters(flow, points) > 63


def test_a_peer_gets_the_width_that_is_nearest_to_the_parameters():
  assert peers.width_for(lambda width: width**2, 10_000) == 100
  assert peers.width_for(lambda width: width**2, 10_150) == 101


def test_a_learning_rate_falls_to_zero_at_the_end_of_the_budget():
  rates = [peers.learning_rate(step / 1000, step) for step in range(1001)]
  assert rates[0] == pytest.approx(peers.RATE / 100)
  assert max(rates) < peers.RATE and rates[99] > 0.97 * peers.RATE
  assert rates[-1] == 0


@pytest.mark.parametrize('peer', ['distrax', 'flowjax'])
def test_the_splines_of_jax_have_the_bins_that_the_protocol_names(peer):
  """The last layer of a conditioner gives widths, heights and derivatives at all knots, of each of two numbers."""
  pytest.importorskip(peer, reason="needs pip install -e '.[peers]'")
  from experiments.toy_densities import peers_jax

  params = jax.eval_shape(lambda: peers_jax.BUILD[peer](2, 8, jax.random.key(0))[0])
  biases = {leaf.shape[-1] for leaf in jax.tree.leaves(params) if leaf.ndim and leaf.shape[-1] > 16}
  assert biases == {2 * (3 * peers.BINS + 1)}


def test_a_peer_that_is_not_installed_is_said_to_be_missing(monkeypatch, tmp_path):
  (tmp_path / 'torch.py').write_text('raise ImportError("No module named torch")')
  monkeypatch.setenv('PYTHONPATH', str(tmp_path), prepend=':')
  np.savez(tmp_path / 'points.npz', train=np.eye(2))
  job = peers.Job('zuko', 10, 1.0, 1, 0, str(tmp_path / 'points.npz'), str(tmp_path / 'out.npz'))
  with pytest.raises(peers.Missing, match='No module named torch'):
    peers.run(job, sys.executable)


def test_what_is_there_is_not_made_again(monkeypatch, tmp_path, moons):
  """A second call makes the rows that failed, and no other; the table and the picture are of all."""
  asked = []

  def fit(options, flow, points, limit):
    asked.append(flow)
    if flow == 'zuko' and len(asked) < 3:
      raise peers.Missing('No module named zuko')
    return protocol.gaussian(points)

  monkeypatch.setattr(command, '_fit', fit)
  runs, out = tmp_path / 'runs', tmp_path / 'out'
  (runs / 'toy_two_moons').mkdir(parents=True)
  line = ['', '--flows=gaussian,zuko', '--densities=toy:two_moons', f'--runs={runs}', f'--out={out}']
  monkeypatch.setattr(sys, 'argv', line)
  command.main()
  assert '| zuko | none: No module named zuko |' in (out / 'results.md').read_text()
  command.main()
  assert asked == ['gaussian', 'zuko', 'zuko']
  rows = [json.loads(each) for each in (out / 'results.jsonl').read_text().splitlines()]
  assert [row['flow'] for row in rows] == ['gaussian', 'zuko'] and rows[0]['kl'] == rows[1]['kl']
  assert (out / 'densities.png').stat().st_size > 5000


def test_the_best_of_a_density_is_bold():
  row = dict(density='toy:rings', seed=0, standard_error=0.001, parameters=1234, steps=10, seconds=2.0)
  ours = row | dict(
    library='jaxgen', flow='nsf_toy', kl=0.01, cpu_minutes=0.5, command='python', versions={'jax': '1'}
  )
  text = table([ours, row | dict(library='zuko', flow='zuko', kl=0.02)])
  assert '| `nsf_toy` | **0.0100 ± 0.0010** | 1,234 | 10 | 2 | 0.50 |' in text
  assert '| zuko | 0.0200 ± 0.0010 |' in text


def test_the_picture_has_a_row_for_the_truth_and_one_for_each_flow(moons, tmp_path):
  found = {'toy:two_moons': np.zeros(protocol.GRID**2)}
  pictures.wall([moons], {'nsf_toy': found, 'maf_toy': {}}, tmp_path / 'wall.png')
  width, height = Image.open(tmp_path / 'wall.png').size
  assert height > 1.5 * width
