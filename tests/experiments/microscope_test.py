"""The microscope from end to end on runs of a few steps, and its rules on numbers made up for them."""

import json
import math
import shutil

import numpy as np
import pytest

from experiments.microscope import __main__ as command_line
from experiments.microscope import budget, charts, families, microscope, quality, runs, table, verdict
from experiments.microscope.claims import CLAIMS, claim, tabled
from experiments.microscope.lab import Lab
from experiments.microscope.runs import Bench
from experiments.microscope.settings import Settings, kept
from jaxgen.data.source import from_arrays
from jaxgen.metrics import features
from jaxgen.metrics import results as jaxgen_results
from jaxgen.types import Field
from tests.colab.notebooks import assert_it_runs_and_shows_pictures

pytestmark = pytest.mark.xdist_group('microscope')  # one of them runs it, the others look at what it wrote

SENTENCES = {c.name: c.sentence for c in CLAIMS}


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
  """A microscope of two claims, and what it wrote."""
  out = tmp_path_factory.mktemp('microscope')
  arguments = ['--preset=smoke', '--minutes=1e-5', '--seeds=1', '--samples=100', '--claims=blur,annealed']
  arguments += ['--claim_steps=25', f'--out={out}']
  assert command_line.main(arguments) == 0
  return out, arguments


@pytest.mark.slow
def test_the_page_needs_nothing_but_itself(tiny):
  page = (tiny[0] / 'report.html').read_text()
  assert 'http' not in page.replace('http-equiv', '')
  assert '<link' not in page and '<script' not in page
  assert page.count('data:image/png;base64,') >= 3 * 5 + 1


@pytest.mark.slow
def test_the_table_has_a_column_for_each_family(tiny):
  lines = (tiny[0] / 'report.md').read_text().splitlines()
  head = next(line for line in lines if table.DATA in line and line.startswith('|'))
  assert [cell.strip() for cell in head.split('|')[2:7]] == [row.title for row in families.FAMILIES.values()]
  rows = {line.split('|')[1].strip(): line for line in lines if line.startswith('|')}
  bits = rows['Bits per dimension (bits, test split) ↓']
  assert 'exact' in bits and 'bound' in bits and 'ODE' in bits
  assert verdict.OPEN in rows[SENTENCES['blur']]  # one seed decides nothing
  assert sum(sentence in rows for sentence in SENTENCES.values()) == 2


@pytest.mark.slow
def test_data_in_the_place_of_a_model_are_measured_as_models_are(tiny):
  """Equal numbers on both sides, against the same half; draws with repetition had a recall of 45 %."""
  records = jaxgen_results.read(tiny[0] / 'results.jsonl')
  data = {r.metric: r for r in records if r.run == 'the other half of the data'}
  assert data['recall'].value > 0.8 and data['precision'].value > 0.8
  assert {'copied', 'nearest_training_ratio'}.isdisjoint(data)
  for name in families.FAMILIES:
    last = {r.metric: r for r in records if r.run == f'{name}, seed 0'}
    for metric in ('frechet_distance', 'recall', 'coverage', 'frechet_to_train', 'frechet_to_test'):
      jaxgen_results.check_alike([data[metric], last[metric]])
    assert last['frechet_to_train'].n_reference == last['frechet_to_test'].n_reference
    assert (last['frechet_to_train'].split, last['frechet_to_test'].split) == ('train', 'test')


@pytest.mark.slow
def test_what_is_chosen_among_the_moments_is_chosen_on_the_validation_split(tiny):
  for path in sorted((tiny[0] / 'measured').glob('flow_*[0-9].json')):
    result = json.loads(path.read_text())
    bits = {m['step']: r for m in result['moments'] for r in m['records'] if r['metric'] == 'bits_per_dim'}
    assert {record['split'] for record in bits.values()} == {'validation'}
    (best,) = result['best']
    assert best['split'] == 'test'
    assert best['step'] == min(bits, key=lambda step: bits[step]['value'])
  assert quality.best_step([_moment(1, 3.0), _moment(2, 1.5), _moment(3, 2.0), _moment(4)]) == 2


def _moment(step, bits=None):
  return {'step': step, 'records': [] if bits is None else [{'metric': 'bits_per_dim', 'value': bits}]}


@pytest.mark.slow
def test_the_page_says_what_its_curves_were_measured_with(tiny):
  page = (tiny[0] / 'report.html').read_text()
  curves = page.partition('<section id="curves">')[2].partition('</section>')[0]
  assert '100 samples at each moment, where the table has 100' in curves
  assert 'classes covered' not in curves  # all of them, nearly always
  assert page.count('<figcaption><b>') == 3 * 5  # each wall says after how many seconds it was
  assert '<li>1 seed</li>' in page and '1 seeds' not in page


def test_a_claim_without_models_is_marked(tmp_path):
  said = []
  settings = Settings('digits', 0, 1.0, 1, 0, 100, 25, tmp_path)
  lab = Lab(Bench(settings, None, None, said.append), {}, {})
  found = claim.judge(claim.Claim('missing', 'No such model.', None), lab)
  assert found['verdict'] == verdict.MISSING
  assert said == [f'{verdict.MISSING:22} No such model.']


@pytest.mark.slow
def test_records_carry_their_protocol(tiny):
  records = jaxgen_results.read(tiny[0] / 'results.jsonl')
  distances = [r for r in records if r.metric == 'frechet_distance']
  assert {r.run for r in distances} >= {f'{name}, seed 0' for name in families.FAMILIES}
  assert all(r.n_generated and r.n_reference and r.features_sha and r.weights for r in distances)
  assert {r.metric for r in records} >= {
    'seconds_to_quality',
    'samples_per_second_1',
    'parameters',
    'peak_bytes',
  }


@pytest.mark.slow
def test_a_finished_microscope_measures_nothing_again(tiny, monkeypatch, capsys):
  out, arguments = tiny
  monkeypatch.setattr('jaxgen.train.train', None)
  monkeypatch.setattr('jaxgen.metrics.measure.measure', None)
  before = (out / 'results.jsonl').read_text()
  assert command_line.main(arguments) == 0
  assert 'With --seeds=1 no sentence can be decided' in capsys.readouterr().out.splitlines()[0]
  assert (out / 'results.jsonl').read_text() == before


@pytest.mark.slow
def test_the_notebook_runs_and_shows_pictures(tiny, tmp_path):
  """In the folder of `tiny`, whose settings it has: what is measured there is not measured again."""
  shutil.copytree(tiny[0], tmp_path / 'runs' / 'colab' / 'smoke' / 'microscope')
  assert_it_runs_and_shows_pictures('microscope', tmp_path)


@pytest.mark.slow
def test_another_microscope_in_the_same_folder_is_refused(tiny, capsys):
  out, arguments = tiny
  assert command_line.main([*arguments, '--samples=200']) == 2
  said = capsys.readouterr().err
  assert said.startswith('microscope: ') and 'samples: 100 -> 200' in said and said.count('\n') == 1


@pytest.mark.parametrize(
  ('arguments', 'said'),
  [
    (['--data=digitz'], 'did you mean "digits"?'),
    (['--data=toy:rings'], 'holds vector data'),
    (['--data=folder:/nowhere/at/all'], '/nowhere/at/all'),
    (['--minutes=0'], '--minutes=0.0 is too small'),
    (['--seeds=0'], '--seeds=0 is too small'),
    (['--seeds=three'], '--seeds'),
    (['--seedz=3'], '--seedz'),
    (['--samples=5'], '--samples=5 is too small'),
    (['--claims=blurr'], 'no claim "blurr"'),
    (['--preset=smoky'], '--preset'),
  ],
)
def test_bad_input_gets_one_sentence_and_exit_code_2(arguments, said, tmp_path, capsys):
  assert command_line.main([*arguments, f'--out={tmp_path / "out"}']) == 2
  err = capsys.readouterr().err
  assert err.startswith('microscope: ') and err.count('\n') == 1 and said in err


def bench(out, train=200, test=40, width=64, samples=1000, say=print):
  """The tools for images without labels, by random features of which the first `width` are looked at."""
  settings = Settings('npz', 0, 1.0, 1, 0, samples, 25, out)
  x = np.random.default_rng(0).integers(0, 256, (train, 8, 8, 1), np.uint8)
  splits = [from_arrays('npz', {'x': Field('image', (8, 8, 1), 256)}, {'x': part}) for part in (x, x[:test])]
  reference = features.Reference('npz', splits[0].spec, *splits)
  chosen = features.choose(reference, out / 'cache')
  return Bench(settings, reference, chosen._replace(width=width), say)


def test_wide_features_are_given_as_many_samples_as_their_covariance_needs(tmp_path):
  said = []
  tools = bench(tmp_path, train=10_000, width=2048, say=said.append)
  runs.check_features(tools)
  assert (tools.samples, tools.moment_samples, tools.enough(500)) == (2049, 2049, 2049)
  assert said == [
    'Every moment is measured by 2,049 samples: Fréchet distances by 2,048 features need as many.'
  ]
  said.clear()
  tools = bench(tmp_path, train=10_000, say=said.append)
  runs.check_features(tools)
  assert (tools.samples, tools.moment_samples, tools.enough(500), said) == (1000, 250, 500, [])


def test_data_that_are_too_few_for_the_features_are_refused_before_training(tmp_path, capsys):
  x = np.random.default_rng(0).integers(0, 256, (130, 8, 8, 1), np.uint8)
  np.savez(tmp_path / 'few.npz', x=x)
  out = tmp_path / 'out'
  assert command_line.main(['--preset=smoke', f'--data=npz:{tmp_path}/few.npz', f'--out={out}']) == 2
  captured = capsys.readouterr()
  assert 'Fréchet distances by 64 features (random (64 wide, seed 0)) need 130 or more' in captured.err
  assert captured.err.count('\n') == 1
  assert not (out / 'runs').exists()


def test_a_small_test_split_costs_the_distances_to_it_alone(tmp_path):
  records = {record['metric'] for record in runs.ceiling(bench(tmp_path, samples=100))}
  assert 'frechet_distance' in records
  assert 'frechet_to_test' not in records


@pytest.mark.parametrize(
  ('values', 'bound', 'ratio', 'expected'),
  [
    ([1.0, 1.1, 0.9], 0.0, False, verdict.HOLDS),
    ([-1.0, -1.1, -0.9], 0.0, False, verdict.FAILS),
    ([1.0, -1.0, 0.1], 0.0, False, verdict.OPEN),
    ([1.0], 0.0, False, verdict.OPEN),  # no spread, no verdict
    ([], 0.0, False, verdict.OPEN),
    ([1.0, math.nan, 1.0], 0.0, False, verdict.OPEN),
    ([3.0, 3.2, 2.9], 2.0, True, verdict.HOLDS),
    ([1.1, 1.2, 1.0], 2.0, True, verdict.FAILS),
    ([3.0, 0.0, 3.0], 2.0, True, verdict.OPEN),
    ([0.0, 0.0, 0.0], 0.0, False, verdict.OPEN),  # not above the bound, and not below
  ],
)
def test_verdict_of_one_test(values, bound, ratio, expected):
  assert verdict.decide(verdict.Test('', values, bound, ratio)) == expected


def test_interval_is_students():
  # mean 2, standard deviation 1, t(0.95, 2 degrees of freedom) = 2.919986
  mean, low, high = verdict.interval([1.0, 2.0, 3.0])
  np.testing.assert_allclose(
    [mean, high - mean, mean - low], [2.0, *[2.919986 / math.sqrt(3)] * 2], rtol=1e-6
  )


def test_a_sentence_holds_only_as_a_whole():
  yes, no, unclear = (verdict.Test('', [v, v + 0.01, v - w]) for v, w in ((1, 0), (-1, 0), (0, 1)))
  assert verdict.joint([yes, yes]) == verdict.HOLDS
  assert verdict.joint([yes, no, unclear]) == verdict.FAILS
  assert verdict.joint([yes, unclear]) == verdict.OPEN
  assert verdict.joint([]) == verdict.OPEN


@pytest.mark.parametrize(
  ('steps', 'expected'),
  [
    ([10, 20, 40, 80, 160], [10, 20, 40, 80, 160]),
    (range(10, 170, 10), [10, 20, 40, 80, 160]),
    (range(15, 165, 15), [15, 30, 45, 75, 150]),  # nearest to 9, 19, 38 and 75: none is taken twice
    ([50, 100], [50, 100]),
    ([7], [7]),
  ],
)
def test_a_run_is_looked_at_in_different_moments(steps, expected):
  assert [step for _, step in runs.nearest_to_moments(list(steps), clock=float)] == expected
  assert runs.nearest_to_moments(list(steps), clock=float)[-1][0] == 1


def run_with(distances, seconds=(1.0, 10.0, 100.0)):
  moments = [
    {'seconds': t, 'records': [{'metric': 'frechet_distance', 'value': d}]}
    for t, d in zip(seconds, distances, strict=True)
  ]
  return {'moments': moments, 'failure': '', 'seed': 0, 'final': moments[-1]['records']}


def test_seconds_to_a_quality_lie_between_two_moments():
  # from 100 to 1 between 1 s and 10 s: a straight line in the logarithms passes 10 at sqrt(10) s
  assert quality.seconds_to(run_with([100.0, 1.0, 1.0]), 10.0) == pytest.approx(math.sqrt(10))
  assert quality.seconds_to(run_with([5.0, 1.0, 1.0]), 10.0) == 1.0
  assert quality.seconds_to(run_with([5.0, 1.0, 20.0]), 10.0) is None
  assert (
    10.0 < quality.seconds_to(run_with([5.0, 20.0, 1.0]), 10.0) < 100.0
  )  # reached, left, and reached for good


def test_a_time_that_not_all_runs_reach_says_how_many_do():
  late, early = run_with([9.0, 9.0, 1.0]), run_with([2.0, 1.0, 1.0])
  never = run_with([9.0, 9.0, 5.0])
  found = table._times({'vae': [late, never, never], 'gan': [early] * 3, 'flow': [never] * 3}, 250)
  # the median of the ends, and five percent: 1/3 * (1 + 5 + 5) * 1.05
  assert found.name == 'Training to Fréchet ≤ 3.85 of 250 samples'
  assert found.cells['vae'].endswith(' (1 of 3 seeds)')
  assert found.cells['gan'] == '1.00 ± 0'
  assert found.cells['flow'] == 'none'
  assert found.best == []  # of one family alone nothing is best


def test_small_budgets_have_small_dispatches_so_that_the_first_moment_lies_before_the_end(tmp_path):
  settings = Settings('digits', 0, 0.001, 1, 0, 100, 25, tmp_path)
  for steps, largest in ((4, 1), (160, 10), (100_000, 50)):
    config = budget.run_config('vae', settings, budget.Bill(20, {}, steps, 1.0, 1.0, 1), 0)
    assert config.steps_per_dispatch == largest


def test_a_smoke_test_trains_for_minutes_unless_it_is_told_otherwise():
  parsed = lambda *flags: microscope.settings_of(command_line._parse(flags))  # noqa: E731
  smoke, whole = parsed('--preset=smoke'), parsed()
  assert smoke.minutes * smoke.seeds * len(families.FAMILIES) <= 1
  assert (whole.minutes, whole.seeds, whole.samples, whole.claim_steps) == (1, 3, 1000, 800)
  assert parsed('--preset=smoke', '--seeds=5').seeds == 5


def test_the_fixed_quality_is_named_in_the_legend_where_no_line_crosses_it():
  line = {'name': 'GAN', 'family': 'gan', 'points': [(1, 9.0), (2, 1.0)]}
  rule = {'y': 4.0, 'name': 'fixed quality: 4'}
  drawn = charts.draw({'kind': 'lines', 'x': 's', 'y': 'd', 'series': [line], 'rules': [rule]})
  legend, _, plot = drawn.partition('<svg')
  assert 'fixed quality: 4' in legend and 'fixed quality' not in plot and 'class="rule"' in plot


def test_ratios_of_times_that_were_not_reached_decide_only_what_they_can():
  assert tabled.ratio_of_times(None, 10.0, 60.0, 2.0) == 6.0
  assert math.isnan(tabled.ratio_of_times(None, 50.0, 60.0, 2.0))
  assert tabled.ratio_of_times(30.0, None, 60.0, 2.0) == 0.5
  assert math.isnan(tabled.ratio_of_times(None, None, 60.0, 2.0))


def test_what_came_to_its_end_is_not_computed_again(tmp_path):
  calls = []
  compute = lambda: calls.append(1) or {'a': (1, 2)}  # noqa: E731
  path = tmp_path / 'folder' / 'x.json'
  assert kept(path, compute) == kept(path, compute) == {'a': [1, 2]} == json.loads(path.read_text())
  assert len(calls) == 1


def test_widths_bring_the_families_together(tmp_path):
  settings = Settings('digits', 0, 1.0, 3, 60_000, 1000, 1500, tmp_path)
  sizes = {
    name: sum(families.width_for(name, settings)[1].values()) for name in ('vae', 'gan', 'autoregressive')
  }
  assert all(0.8 < size / 60_000 < 1.25 for size in sizes.values())


def test_every_sentence_has_an_experiment_and_a_name_of_its_own():
  assert len({c.name for c in CLAIMS}) == len({c.sentence for c in CLAIMS}) == len(CLAIMS) == 18


@pytest.mark.parametrize('log', [True, False])
@pytest.mark.parametrize('values', [[1e-3, 1.0, 4e4], [0.93, 0.95], [7.0, 7.0]])
def test_axes_keep_values_inside_and_in_order(values, log):
  axis = charts.Axis(values, 0.0, 100.0, log)
  places = [axis(v) for v in values]
  assert places == sorted(places) and min(places) >= 0 and max(places) <= 100
  assert axis.ticks() and all(0 <= axis(value) <= 100 for value, _ in axis.ticks())
