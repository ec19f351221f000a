from jaxgen.metrics import printed
from tests.metrics.results_test import _BITS, _RECORD

TERMS = {'raw': {'loss': 1.0, 'bits_per_dim': 2.5}, 'averaged': {'loss': 0.5, 'bits_per_dim': 2.25}}


def lines_of(records, terms=TERMS):
  return printed.table(terms, '300 examples of test', records, 'averaged')


def test_the_table_as_it_is_printed():
  bits = _BITS._replace(
    value=2.2,
    spread=0.5,
    standard_error=0.029,
    split='test',
    n_generated=0,
    n_reference=300,
    features='',
    given=('label',),
  )
  kernel = _RECORD._replace(metric='kernel_distance', value=40.0, spread=1.5, settings='100 subsets of 500')
  modes = _RECORD._replace(metric='modes_covered', value=8.0, split='', n_reference=0, features='')
  assert '\n'.join(lines_of([bits, kernel, modes])) == (
    """\
                                     raw      averaged           ±
loss                              1.0000        0.5000              300 examples of test
bits_per_dim                                    2.2000       0.029  lower bound, K = 64, 1 noise draw, given label; \
300 examples of test
kernel_distance                                40.0000         1.5  100 subsets of 500; 1,000 samples against 1,497 \
examples of train
modes_covered                                   8.0000              1,000 samples

± of a mean over examples: its standard error, std / sqrt(examples).
± of a mean over subsets or parts: their standard deviation.
Samples are compared by classifier."""
  )


def test_of_a_list_stand_its_ends():
  (line,) = [line for line in lines_of([], {'raw': {'kl_per_latent': [0.25, 3.0, 0.001]}}) if 'kl' in line]
  assert line == 'kl_per_latent                   0.001..3              300 examples of test'


def test_each_number_stands_there_once():
  """The model's own term of a name that is measured is another draw of noise: two numbers of one name."""
  named = [line.split()[0] for line in lines_of([_BITS]) if line.strip()]
  assert named.count('bits_per_dim') == 1
  assert (
    sum('bits_per_dim' in line for line in lines_of([_RECORD])) == 1
  )  # where it is not measured, the term stays


def test_small_and_large_numbers_keep_their_digits():
  small = printed.table(
    {'raw': {'error': 2.155e-7}}, 'n', [_RECORD._replace(weights='raw', spread=187.0)], 'raw'
  )
  assert small[1].split()[1] == '2.2e-07'
  assert small[2].split()[2] == '187'


def test_a_run_without_averages_has_one_column():
  lines = printed.table(
    {'raw': {'loss': 1.0}}, '300 examples of test', [_RECORD._replace(weights='raw')], 'raw'
  )
  assert lines[0].split() == ['raw', '±']
  assert lines[2].split()[:2] == ['frechet_distance', '1.5000']
