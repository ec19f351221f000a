from functools import partial

import jax
import jax.numpy as jnp
import pytest

from jaxgen.losses import _checks

PAIRS, VECTOR, NUMBER = jnp.zeros((4, 2)), jnp.zeros(4), jnp.zeros(())


@pytest.mark.parametrize(
  ('check', 'arrays', 'sentence'),
  [
    (_checks.check_same_shape, dict(mean=PAIRS, log_var=VECTOR), r'log_var has shape \(4,\), but mean has \(4, 2\)'),
    (_checks.check_same_shape, dict(mean=NUMBER, log_var=NUMBER), 'mean is a single number'),
    (_checks.check_batched, dict(x=PAIRS, sigma=jnp.zeros(3)), r'sigma has shape \(3,\), but x has 4 examples'),
    (_checks.check_per_example, dict(kl=VECTOR, weight=PAIRS), r'weight must be of rank 1, not of shape \(4, 2\)'),
    (partial(_checks.check_broadcasts, PAIRS), dict(sigma=VECTOR), 'sigma has shape .* does not broadcast to'),
    (partial(_checks.check_broadcasts, VECTOR), dict(kl_weight=VECTOR[:, None]), 'kl_weight has shape'),
    (partial(_checks.check_rank, 2), dict(log_weights=VECTOR), 'log_weights must be of rank 2'),
  ],
)  # fmt: skip
def test_what_is_wrong_is_named(check, arrays, sentence):
  with pytest.raises(ValueError, match=sentence):
    check(**arrays)


def test_what_fits_passes_also_while_traced():
  def function(x, sigma):
    _checks.check_same_shape(x=x, again=x)
    _checks.check_batched(x=x, sigma=sigma)
    _checks.check_per_example(sigma=sigma)
    _checks.check_rank(2, x=x)
    _checks.check_broadcasts(x, number=2.0, row=x[0], column=x[:, :1], whole=x)
    return x

  assert jax.jit(function)(PAIRS, VECTOR).shape == (4, 2)
