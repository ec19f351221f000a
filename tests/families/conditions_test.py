"""What networks see of conditions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.families import conditions
from jaxgen.types import Field

TIMBRE, PITCH = Field('vector', (2,), 0), Field('label', (), 3)
BATCH = {'pitch': jnp.array([1, 2]), 'timbre': jnp.array([[5.0, 6.0], [7.0, 8.0]])}
FLAT = [[0, 1, 0, 5, 6], [0, 0, 1, 7, 8]]


@pytest.mark.parametrize('given', [{'timbre': TIMBRE, 'pitch': PITCH}, {'pitch': PITCH, 'timbre': TIMBRE}])
def test_conditions_lie_in_one_order_whatever_a_config_names_first(given):
  """In that of `jax.tree.map` too, by which draws and examples are repeated and changed."""
  prepared = conditions.prepared(BATCH, given)
  np.testing.assert_array_equal(conditions.flat(prepared), FLAT)
  np.testing.assert_array_equal(conditions.flat(jax.tree.map(lambda value: value, prepared)), FLAT)
  asked = conditions.to_sample(jax.random.key(0), 2, BATCH, given)
  np.testing.assert_array_equal(conditions.flat(asked), FLAT)
