import numpy as np
import pytest

from jaxgen import config, data
from jaxgen.data import splits
from jaxgen.data.tables import columns, reading
from jaxgen.errors import UserError
from tests.tiny_config import get_config

# 40 rows: a number, a word, and a number of which every fifth is missing
ROWS = [
  f'{row * row},{("red", "green", "blue")[row % 3]},{"NA" if row % 5 == 0 else row / 4}' for row in range(40)
]
TABLE = '\n'.join(['length,colour,weight', *ROWS])


@pytest.fixture
def load(tmp_path, settings):
  """`(split, content=TABLE, **settings) -> source` of a file."""

  def make(split, content=TABLE, validation=0.1, **others):
    (tmp_path / 'mine.csv').write_bytes(content if isinstance(content, bytes) else content.encode())
    return data.load(settings(f'table:{tmp_path / "mine.csv"}', validation=validation, **others), split)

  return make


def everything(load, **settings_):
  """The arrays of all splits, one after the other, and the columns."""
  parts = [load(split, **settings_) for split in ('train', 'validation', 'test')]
  arrays = {name: np.concatenate([part.arrays[name] for part in parts]) for name in parts[0].spec}
  return arrays, parts[0].columns


def test_columns_are_of_numbers_or_of_categories_and_missing_values_are_masked(load):
  arrays, found = everything(load)
  assert found.names == ('length', 'colour', 'weight')
  assert found.categories == (0, 3, 0)
  assert found.words[1] == ('blue', 'green', 'red')
  assert len(arrays['x']) == 40
  assert arrays['observed'].sum(0).tolist() == [40, 40, 32]
  assert (arrays['x'][arrays['observed'] == 0] == 0).all()
  assert sorted(arrays['x'][:, 1].tolist()) == sorted([2.0, 1.0, 0.0][row % 3] for row in range(40))


def test_numbers_are_standardized_by_what_is_observed_of_the_training_split(load):
  train = load('train')
  for column in (0, 2):
    seen = train.arrays['x'][train.arrays['observed'][:, column] == 1, column]
    np.testing.assert_allclose([seen.mean(), seen.std()], [0, 1], atol=1e-6)
  test = load('test')
  assert test.columns == train.columns


def test_rows_are_spelt_in_their_own_units_and_words(load):
  arrays, found = everything(load)
  header, *rows = found.spelt(np.where(arrays['observed'], arrays['x'], np.nan))
  assert header == ['length', 'colour', 'weight']
  lengths, colours, weights = zip(*sorted(rows, key=lambda row: float(row[0])), strict=True)
  np.testing.assert_allclose(np.array(lengths, float), np.arange(40) ** 2, rtol=1e-5, atol=1e-3)
  assert colours == tuple(('red', 'green', 'blue')[row % 3] for row in range(40))
  assert [weight == '' for weight in weights] == [row % 5 == 0 for row in range(40)]


def test_a_column_of_numbers_is_one_of_categories_where_it_is_named(load):
  named = TABLE.replace(',red,', ',1,').replace(',green,', ',2,').replace(',blue,', ',10,')
  assert load('train', named).columns.categories == (0, 0, 0)
  assert load('train', named, categories=('colour',)).columns.words[1] == ('1', '10', '2')


def test_removed_values_are_no_longer_seen_and_their_truth_is_kept(load):
  whole, _ = everything(load)
  arrays, found = everything(load, missing=0.3)
  removed = arrays['removed'] == 1
  assert ((arrays['observed'] == 1) | removed).sum() == whole['observed'].sum()
  assert not (removed & (arrays['observed'] == 1)).any()
  assert (arrays['x'][removed] == 0).all()
  assert (arrays['truth'][~removed] == 0).all()
  # in their own units, since the means are those of what is left
  lengths = removed[:, 0], whole['x'][:, 0]
  expected = load('train').columns
  np.testing.assert_allclose(
    arrays['truth'][lengths[0], 0] * found.deviations[0] + found.means[0],
    lengths[1][lengths[0]] * expected.deviations[0] + expected.means[0],
    rtol=1e-4,
    atol=1e-2,
  )


def test_which_values_are_removed_says_nothing_of_the_split(load):
  """Both are drawn by small seeds; by one stream, all values of the test split would be removed from one column."""
  content = '\n'.join(['length', *(str(row / 7) for row in range(1000))])
  for seed in range(3):
    for split in ('train', 'validation', 'test'):
      observed = load(split, content, missing=0.3, missing_seed=seed).arrays['observed'].mean()
      assert abs(observed - 0.7) < 0.2  # four standard errors of a hundred


@pytest.mark.parametrize(('name', 'rows', 'categories'), [('wine', 178, 3), ('breast_cancer', 569, 2)])
def test_the_embedded_sets(settings, name, rows, categories):
  sources = [
    data.load(settings(f'table:{name}', validation=0.1, missing=0.5), split)
    for split in ('train', 'validation', 'test')
  ]
  assert sum(map(len, sources)) == rows
  assert sources[0].columns.categories[-1] == categories
  assert sources[0].columns.categories[:-1] == (0,) * (sources[0].spec['x'].shape[0] - 1)
  removed = np.concatenate([source.arrays['removed'] for source in sources])
  assert abs(removed.mean() - 0.5) < 4 * 0.5 / np.sqrt(removed.size)
  other = data.load(settings(f'table:{name}', validation=0.1, missing=0.5, missing_seed=1), 'train')
  assert (other.arrays['removed'] != sources[0].arrays['removed']).any()


def test_columns_come_back(load, tmp_path):
  written = load('train').columns
  columns.save(tmp_path, written)
  assert columns.read(tmp_path) == written
  assert columns.read(tmp_path / 'elsewhere') is None


ONE = {'names': '["a"]', 'means': '[0.5]', 'deviations': '[1]', 'words': '[[]]'}


def stored(**changes):
  """A file of one column, in which some entries are others."""
  return '{' + ', '.join(f'"{name}": {value}' for name, value in {**ONE, **changes}.items()) + '}'


DAMAGED = {
  'half': '{',
  'a list': '[]',
  'no mean': stored(means='[]'),
  'no columns': stored(names='[]', means='[]', deviations='[]', words='[]'),
  'a text for names': stored(names='"a"'),
  'a number for a name': stored(names='[1]'),
  'a text for words': stored(words='["a"]'),
  'a number too large': stored(means=f'[1{"0" * 400}]'),
  'a text for a number': stored(means='["1"]'),
  'deep': '[' * 100_000,
  'deep words': stored(words='[' * 100_000 + ']' * 100_000),
  'nan': stored(means='[NaN]'),
  'infinite': stored(deviations='[Infinity]'),
  'negative': stored(deviations='[-1]'),
  'zero': stored(deviations='[0]'),
}


@pytest.mark.parametrize('what', DAMAGED)
def test_damaged_columns(tmp_path, what):
  (tmp_path / 'columns.json').write_text(stored())
  assert columns.read(tmp_path) == columns.Columns(('a',), (0.5,), (1.0,), ((),))
  (tmp_path / 'columns.json').write_text(DAMAGED[what])
  with pytest.raises(UserError, match='is damaged; train the run anew'):
    columns.read(tmp_path)


def test_a_resolved_config_says_what_the_columns_hold(load, tmp_path):
  load('train')
  given = get_config('smoke')
  given.data.name = f'table:{tmp_path / "mine.csv"}'
  found = data.resolve(given)
  assert tuple(found.data.columns) == (0, 3, 0)
  config.check(found)


def with_line(text, place=20):
  """The table with another row."""
  return '\n'.join(['length,colour,weight', *ROWS[:place], text, *ROWS[place:]])


def column(cell, rows=40):
  """A table of a good column and one whose cells are `cell(row)`."""
  return '\n'.join(['good,bad', *(f'{row},{cell(row)}' for row in range(rows))])


BAD = {
  'a ragged row': (with_line('3,red'), {}, 'line 22: there are 2 cells, but 3 columns'),
  'an open quote': (with_line('3,"red'), {}, 'line 42: unexpected end of data'),
  'a column of one value': (
    column(lambda row: '7.0' if row % 2 else '7'),
    {},
    '"bad" .* has one value only, 7.0',
  ),
  'a column of one word': (column(lambda row: 'same'), {}, '"bad" .* has one value only, same'),
  'a column of missing values': (column(lambda row: '?'), {}, '"bad" .* has only missing values'),
  'an empty file': ('', {}, 'is empty'),
  'a file of blank lines': ('\n\n', {}, 'is empty'),
  'no names': ('1,2\n3,4\n5,6\n7,8\n9,10', {}, 'names no columns'),
  'no names above words': ('\n'.join(ROWS), {}, 'names no columns'),
  'an empty line in a single column': ('a\n1\n\n2\n3\n4\n5\n\n', {}, 'line 3: it is empty; write NA'),
  'two columns of a name': (TABLE.replace('weight', 'length'), {}, 'Two columns .* "length"'),
  'a column without a name': (TABLE.replace('weight', ''), {}, 'Column 3 .* no name'),
  'few rows': ('a,b\n1,2\n3,4', {}, 'has 2 rows; at least 4'),
  'numbers and words': (with_line('3.1x,red,2'), {}, '"length" .* has numbers, but "3.1x" in line 22'),
  'a number far away': (column(lambda row: '1e300' if row == 38 else row), {}, 'has 1e300 in line 40'),
  'large numbers': (
    column(lambda row: f'{row}e200'),
    {},
    '"bad" .* spread float64 does not hold, such as .*e200',
  ),
  'small numbers': (
    column(lambda row: f'{row}e-200'),
    {},
    '"bad" .* spread float64 does not hold, such as .*e-200',
  ),
  'no UTF-8': (b'a,b\n\xff\xfe,1', {}, 'is no UTF-8'),
  'an unknown column': (TABLE, {'categories': ('color',)}, 'names "color", but the columns of'),
  'an image size': (TABLE, {'image_size': 8}, 'image_size is for images'),
  'twins': (TABLE, {'twin': ('inverted',)}, 'twin is of images'),
  'classes': (TABLE, {'without': (3,)}, 'has no labels'),
}


@pytest.mark.parametrize('what', BAD)
def test_bad_tables(load, what):
  content, settings_, sentence = BAD[what]
  with pytest.raises(UserError, match=sentence) as caught:
    load('train', content, **settings_)
  assert '\n' not in str(caught.value)


def test_a_category_that_training_has_never_seen_is_named(load):
  place = int(splits.hold_out(40)['test'][0])
  content = column(lambda row: 'new' if row == place else ('a', 'b')[row % 2])
  for split in ('train', 'test'):
    with pytest.raises(
      UserError, match=rf'"bad" .* has "new" in line {place + 2}, a category that no training row has'
    ):
      load(split, content)


def test_no_table(tmp_path, settings):
  with pytest.raises(UserError, match='does not exist; set --config.data.name=table:<path>.csv .*table:wine'):
    data.load(settings(f'table:{tmp_path}/none.csv'), 'train')
  with pytest.raises(UserError, match='is a folder'):
    data.load(settings(f'table:{tmp_path}'), 'train')


@pytest.mark.parametrize('cell', ['', '?', 'NA', 'n/a', 'NaN', 'null'])
def test_what_a_missing_value_is(cell):
  assert reading.is_missing(cell)
  assert not reading.is_missing(f'{cell}0')


def test_a_name_may_be_a_number_and_empty_lines_between_rows_are_none(load):
  content = '\n\n'.join(['colour,2019', *(f'{("red", "blue")[row % 2]},{row}' for row in range(40))])
  assert load('train', content + '\n\n').columns.names == ('colour', '2019')
  assert load('train', '\n'.join(['a', *map(str, range(40))]) + '\n\n').columns.names == ('a',)
