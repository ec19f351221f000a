import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.bijectors import transforms
from jaxgen.models.flow import nsf, nsf_conv


@pytest.mark.slow
@pytest.mark.parametrize('module', [nsf, nsf_conv])
def test_the_most_bins_and_the_largest_box_that_a_config_may_name_make_a_spline(module):
  bins, bound = (float(module.KEYS[name].range[1:-1].split(',')[1]) for name in ('bins', 'bound'))
  spline = transforms.rational_quadratic(int(bins), bound)
  z, log_derivative = spline.forward(jnp.ones((1, 1)), jnp.zeros((1, spline.num_params)))
  np.testing.assert_allclose((z, log_derivative), [[[1]], [[0]]], atol=1e-3)
