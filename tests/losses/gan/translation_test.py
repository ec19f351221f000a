import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.losses import gan

X = jnp.array([[[1.0, 2.0]], [[0.0, -1.0]]])
Y = jnp.array([[[0.0, 4.0]], [[0.0, -1.0]]])
# name -> the function of where an example is and where it should be
DISTANCES = {
  'cycle_consistency': lambda x, y: gan.cycle_consistency(x=x, there_and_back=y),
  'identity_mapping': lambda x, y: gan.identity_mapping(x=x, mapped=y),
  'distance_to_truth': lambda x, y: gan.distance_to_truth(x=x, translated=y),
}


@pytest.mark.parametrize('name', DISTANCES)
def test_by_hand(name):
  np.testing.assert_allclose(DISTANCES[name](X, Y), [1.5, 0.0])


@pytest.mark.parametrize('name', DISTANCES)
def test_another_shape_is_refused_where_it_would_broadcast(name):
  with pytest.raises(ValueError, match=r'has shape \(2, 1, 1\), but x has \(2, 1, 2\)'):
    DISTANCES[name](X, Y[..., :1])


@pytest.mark.parametrize('function', [gan.cycle_consistency, gan.identity_mapping, gan.distance_to_truth])
def test_what_could_be_exchanged_goes_by_name(function):
  with pytest.raises(TypeError, match='positional'):
    function(X, Y)
