"""How far weights stretch, against NumPy's singular values."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.families.gan.spectra import spectral_norms


def test_the_largest_singular_value_of_any_weight_of_each_player():
  kernel = jax.random.normal(jax.random.key(0), (4, 4, 8, 16))
  wide, deep = jax.random.normal(jax.random.key(1), (5, 300)), {'scale': jnp.full(7, 1e3)}
  found = jax.jit(spectral_norms)(
    {'generator': {'first': {'kernel': kernel}, 'norm': deep}, 'discriminator': [0.1 * wide, wide]}
  )
  assert set(found) == {'generator_spectral_norm', 'discriminator_spectral_norm'}
  for player, weight in (('generator', kernel), ('discriminator', wide)):
    (largest, *_) = np.linalg.svd(np.asarray(weight).reshape(-1, weight.shape[-1]), compute_uv=False)
    value = found[f'{player}_spectral_norm']
    assert 0.97 * largest < value < 1.0001 * largest


def test_a_player_without_weights_stretches_nothing():
  assert spectral_norms({'generator': {'bias': jnp.ones(3)}})['generator_spectral_norm'] == 0
