import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.realnvp_toy import get_config
from jaxgen.errors import UserError
from jaxgen.models import realnvp

RNG = jax.random.key(0)


def config(shape=(2,), levels=0, classes=0, **changes):
  config = get_config('smoke')
  config.model.update(changes)
  with config.unlocked():
    config.data.update(dict(shape=shape, levels=levels, classes=classes))
  return config


def test_it_inverts_starts_standardized_and_reads_the_label():
  model = realnvp.build(config(shape=(5,), classes=3, conditional=True))
  batch = {'x': 3 + 2 * jax.random.normal(RNG, (64, 5)), 'label': jnp.arange(64) % 3}
  other = {**batch, 'label': (batch['label'] + 1) % 3}

  @jax.jit
  def run():
    params, extra = model.init(RNG, batch)
    start, _ = model.encode(params, extra, RNG, batch)
    params = jax.tree.map(lambda p: p + 0.1, params)
    again = model.decode(params, extra, model.encode(params, extra, RNG, batch))
    return start, again, *(model.log_prob(params, extra, RNG, given) for given in (batch, other))

  start, again, own, wrong = run()
  np.testing.assert_allclose(start.mean(0), 0, atol=1e-4)
  np.testing.assert_allclose(start.std(0), 1, atol=1e-4)
  np.testing.assert_allclose(again, batch['x'], atol=1e-4)
  assert np.all(own != wrong)


@pytest.mark.parametrize(
  'changes, message',
  [
    (dict(shape=(8, 8, 1), levels=17), 'jaxgen.models.glow'),
    (dict(shape=(1,)), 'at least 2'),
    (dict(conditional=True), 'needs data with labels'),
  ],
)
def test_bad_settings_say_what_to_do(changes, message):
  with pytest.raises(UserError, match=message):
    realnvp.build(config(**changes))
