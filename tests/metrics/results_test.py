import json

import pytest

from jaxgen.errors import UserError
from jaxgen.metrics import results

_RECORD = results.Record(
  metric='frechet_distance', value=1.5, spread=None, kind='', data='digits', split='train',
  features='classifier', features_sha='1a2b3c4d', n_generated=1000, n_reference=1497, resize='none',
  settings='', weights='averaged', model='jaxgen.models.vae', run='runs/vae', step=10, seed=0,
  config_sha='aa', params_sha='bb', versions={'jax': '0.10'}, time='2025-01-01T00:00:00+00:00',
)  # fmt: skip
_OTHER = _RECORD._replace(run='runs/gan', model='jaxgen.models.gan', value=2.5, step=20, params_sha='cc')


def test_what_is_appended_is_read_again(tmp_path):
  path = tmp_path / 'new' / 'results.jsonl'
  results.append(path, [_RECORD])
  results.append(path, [_OTHER, _RECORD._replace(spread=0.1, given=('label',))])
  assert results.read(path) == [_RECORD, _OTHER, _RECORD._replace(spread=0.1, given=('label',))]


@pytest.mark.parametrize('torn', [1, 40, -1])
def test_a_torn_last_line_is_cut_off_and_nothing_else_is_lost(tmp_path, torn):
  path = tmp_path / 'results.jsonl'
  results.append(path, [_RECORD])
  whole = path.read_bytes()
  path.write_bytes(whole + whole[:torn])
  assert results.read(path) == [_RECORD]
  results.append(path, [_OTHER])
  assert results.read(path) == [_RECORD, _OTHER]


def test_a_damaged_line_is_named(tmp_path):
  path = tmp_path / 'results.jsonl'
  results.append(path, [_RECORD, _OTHER])
  lines = path.read_text().splitlines()
  for damaged in ('{"metric": ', json.dumps({'metric': 'x'})):
    path.write_text(f'{lines[0]}\n{damaged}\n{lines[1]}\n')
    with pytest.raises(UserError, match='Line 2 of .*results.jsonl is damaged'):
      results.read(path)


def test_numbers_measured_alike_stand_side_by_side():
  newer = _RECORD._replace(value=1.0, step=30)
  rows = results.table([_RECORD, _OTHER, newer, _OTHER._replace(metric='recall', settings='k=3')])
  assert rows['runs/vae'] == {'frechet_distance': newer}
  assert set(rows['runs/gan']) == {'frechet_distance', 'recall'}


@pytest.mark.parametrize('field', results.PROTOCOL[1:-1])
def test_unlike_numbers_are_refused_with_what_differs(field):
  value = 7 if field.startswith('n_') else 'something else'
  unlike = _OTHER._replace(**{field: value})
  said = f'of runs/vae and of runs/gan cannot be compared: {field} is .* and {value!r}'
  with pytest.raises(UserError, match=said):
    results.table([_RECORD, unlike])
  assert results.table([_RECORD, unlike], allow=(field,))


_BITS = _RECORD._replace(
  metric='bits_per_dim', kind='lower bound', importance_samples=64, noise_draws=1, standard_error=0.01
)
_OTHER_BITS = _BITS._replace(run='runs/gan')


@pytest.mark.parametrize(
  ('field', 'value'),
  [
    ('given', ('label',)),
    ('importance_samples', 16),
    ('ode_steps', 20),
    ('tolerance', 0.1),
    ('diffusion_levels', 100),
    ('smallest_noise', 0.05),
  ],
)
def test_unlike_estimates_are_refused(field, value):
  unlike = _OTHER_BITS._replace(**{field: value})
  with pytest.raises(
    UserError, match=f'bits_per_dim of runs/vae and of runs/gan cannot be compared: {field} is'
  ):
    results.table([_BITS, unlike])


def test_every_two_estimates_are_looked_at_not_only_those_beside_the_first():
  exact = _BITS._replace(run='runs/glow', kind='exact', importance_samples=0)
  with pytest.raises(UserError, match='of runs/vae and of runs/gan .*: importance_samples is 64 and 16'):
    results.table([exact, _BITS, _OTHER_BITS._replace(importance_samples=16)])


def test_a_bound_may_stand_beside_an_exact_number_and_more_noise_beside_less():
  exact = _OTHER_BITS._replace(kind='exact', importance_samples=0, noise_draws=8)
  assert len(results.table([_BITS, exact])) == 2


def test_a_line_from_before_estimates_were_stated_is_read_but_a_likelihood_there_is_like_no_other(tmp_path):
  path = tmp_path / 'results.jsonl'
  newer = {'importance_samples', 'ode_steps', 'probes', 'noise_draws', 'given', 'standard_error'}
  lines = [
    {key: value for key, value in record._asdict().items() if key not in newer}
    for record in (_RECORD, _OTHER_BITS)
  ]
  path.write_text(''.join(json.dumps(line) + '\n' for line in lines))
  samples, bits = results.read(path)
  assert samples == _RECORD
  assert (bits.importance_samples, bits.given, bits.standard_error) == (None, None, None)
  with pytest.raises(UserError, match=r"given is \('label',\) and None"):
    results.table([_BITS._replace(given=('label',)), bits])


def test_a_likelihood_from_before_tolerances_had_fixed_steps_and_no_diffusion(tmp_path):
  line = _BITS._replace(kind='ODE estimate of a lower bound', importance_samples=0, ode_steps=50)._asdict()
  for name in ('tolerance', 'diffusion_levels', 'drawn_terms'):
    del line[name]
  path = tmp_path / 'results.jsonl'
  path.write_text(json.dumps(line) + '\n')
  (bits,) = results.read(path)
  assert (bits.ode_steps, bits.tolerance, bits.diffusion_levels, bits.drawn_terms) == (50, 0.0, 0, 0)


def test_an_ode_that_did_not_say_where_it_ended_is_like_no_other_and_a_bound_without_one_is(tmp_path):
  along = _BITS._replace(kind='ODE estimate of a lower bound', importance_samples=0, ode_steps=50)
  path = tmp_path / 'results.jsonl'
  for record in (along, _BITS):
    line = {name: value for name, value in record._asdict().items() if name != 'smallest_noise'}
    with path.open('a') as file:
      file.write(json.dumps(line) + '\n')
  older, bound = results.read(path)
  assert (older.smallest_noise, bound) == (None, _BITS)
  with pytest.raises(UserError, match='smallest_noise is 0.05 and None'):
    results.table([along._replace(run='runs/gan', smallest_noise=0.05), older])


def test_bad_input(tmp_path):
  with pytest.raises(UserError, match='no results at .*--mode=evaluate'):
    results.read(tmp_path / 'none.jsonl')
  with pytest.raises(UserError, match='frechet_distance of runs/vae is nan'):
    results.append(tmp_path / 'results.jsonl', [_RECORD, _RECORD._replace(value=float('nan'))])
  assert not (tmp_path / 'results.jsonl').exists()
