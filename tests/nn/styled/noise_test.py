import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxgen.nn.styled import Noise


def test_noise_is_a_function_of_its_key_and_the_same_for_all_without_one():
  x = jnp.zeros((3, 4, 4, 2))
  layer = Noise()
  variables = layer.init(jax.random.key(0), x)
  np.testing.assert_array_equal(layer.apply(variables, x), x)  # the strength starts at zero
  variables = {'params': {'strength': jnp.float32(2.0)}}
  drawn = [layer.apply(variables, x, rngs={'noise': jax.random.key(seed)}) for seed in (1, 1, 2)]
  np.testing.assert_array_equal(drawn[0], drawn[1])
  assert not np.allclose(drawn[0], drawn[2]) and not np.allclose(drawn[0][0], drawn[0][1])
  np.testing.assert_array_equal(drawn[0][..., 0], drawn[0][..., 1])
  fixed = layer.apply(variables, x)
  np.testing.assert_array_equal(fixed[0], fixed[1])
  np.testing.assert_array_equal(fixed, layer.apply(variables, x))
  assert 1.0 < fixed[0, :, :, 0].std() < 3.0


def test_noise_that_never_changes_is_another_one_in_each_layer():
  class Two(nn.Module):
    @nn.compact
    def __call__(self, x):
      return [Noise()(x) for _ in range(2)]

  strengths = {f'Noise_{index}': {'strength': jnp.float32(1.0)} for index in range(2)}
  one, other = Two().apply({'params': strengths}, jnp.zeros((1, 4, 4, 1)))
  assert not np.allclose(one, other)
