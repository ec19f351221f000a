"""The table of the digits, on numbers made up for it."""

from experiments.digits import __main__ as digits


def _row(**changes):
  metrics = dict.fromkeys(digits.COLUMNS, 1.0)
  protocol = {
    'kernel_distance': '9 samples with 9 examples of train, by x',
    'frechet_to_train': '9 samples with 3 examples of train, by x',
    'frechet_to_test': '9 samples with 3 examples of test, by x',
  }
  row = {'name': 'gan_digits', 'steps': 2000, 'seconds': 60.0, 'parameters': 1000, 'versions': {'jax': '0'}}
  return row | {'metrics': metrics | changes, 'errors': {}, 'protocol': protocol}


def _cells(row):
  head, _, cells = (line.split(' | ') for line in digits.table([row]).splitlines() if line.startswith('|'))
  return dict(zip(head, cells, strict=True))


def test_distances_to_both_splits_and_copies_stand_side_by_side():
  row = _row(frechet_to_train=2.5, frechet_to_test=3.5, copied=0.125)
  found, text = _cells(row), digits.table([row])
  assert (found['Fréchet to train'], found['Fréchet to test'], found['copied']) == ('2.500', '3.500', '0.125')
  assert 'Fréchet' not in found  # another number of examples does not stand beside them
  assert '3 examples of train' in text and '3 examples of test' in text


def test_the_error_of_a_mean_stands_beside_it():
  row = _row(bits_per_dim=1.75)
  row['errors'] = {'bits_per_dim': 0.0123}
  assert _cells(row)['bits/dim'] == '1.750 ± 0.012'
  del row['metrics']['bits_per_dim']
  assert _cells(row)['bits/dim'] == '-'
