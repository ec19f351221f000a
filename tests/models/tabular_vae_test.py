import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.tabular_vae_wine import get_config
from jaxgen import data, fields
from jaxgen.data.tables.columns import Columns
from jaxgen.errors import UserError
from jaxgen.models.vae import tabular_vae
from jaxgen.types import Field

TABLE = {'x': Field('table', (3,), 0), 'observed': Field('mask', (3,), 2)}
COLUMNS = Columns(('a', 'b', 'c'), (0.0,) * 3, (1.0,) * 3, ((), ('red', 'green', 'blue'), ()))


def model_of(spec=TABLE, columns=COLUMNS):
  return tabular_vae.build(data.resolved(get_config('smoke'), spec, columns))


def test_what_is_missing_reaches_neither_the_encoder_nor_the_loss():
  model = model_of()
  params, extra = jax.jit(model.init)(jax.random.key(0), {})
  batch = {'x': jnp.array([[0.5, 2.0, -1.0]]), 'observed': jnp.array([[1, 0, 1]], jnp.uint8)}
  terms = [
    model.evaluate(params, extra, jax.random.key(1), {**batch, 'x': batch['x'].at[0, 1].set(value)})
    for value in (0.0, 2.0, jnp.nan)
  ]
  for other in terms[1:]:
    assert other.keys() == terms[0].keys()
    for name, value in terms[0].items():
      np.testing.assert_array_equal(value, other[name])
  seen = model.evaluate(params, extra, jax.random.key(1), {**batch, 'observed': jnp.ones((1, 3), jnp.uint8)})
  assert seen['loss'] > terms[0]['loss']  # one more entry is explained


def test_categories_are_one_hot_and_nothing_where_nothing_was_observed():
  x, observed = jnp.array([[0.5, 2.0, -1.0], [0.0, 0.0, 3.0]]), jnp.array([[1.0, 1, 1], [0, 0, 1]])
  found = tabular_vae.one_hot(x, observed, COLUMNS.categories)
  np.testing.assert_array_equal(found, [[0.5, 0, 0, 1, -1], [0, 0, 0, 0, 3]])


def test_what_is_drawn_and_filled_in_are_values_of_their_columns():
  model = model_of()
  params, extra = jax.jit(model.init)(jax.random.key(0), {})
  batch = {'x': jnp.zeros((50, 3)), 'observed': jnp.zeros((50, 3), jnp.uint8)}
  everything = jnp.ones((50, 3), bool)
  rows = [
    model.sample(params, extra, jax.random.key(1), 50),
    model.complete(params, extra, jax.random.key(1), batch, everything),
    model.impute(params, extra, jax.random.key(1), batch, everything),
  ]
  for x in rows:
    assert x.shape == (50, 3)
    assert x.dtype == fields.dtype(TABLE['x'])
    assert set(np.unique(x[:, 1]).tolist()) <= {0.0, 1.0, 2.0}
  assert len(np.unique(rows[1][:, 0])) == 50  # draws
  assert rows[2][:, 0].std() < rows[1][:, 0].std()  # means


def test_other_data_are_refused():
  with pytest.raises(UserError, match='tabular_vae needs a table, not vector data'):
    model_of({'x': Field('vector', (3,), 0)}, None)
