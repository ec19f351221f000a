import subprocess
import sys

import pytest

PROGRAM = """
import sys
{use}
heavy = [name for name in ('flax', 'optax', 'orbax', 'clu', 'tensorflow', 'grain') if name in sys.modules]
assert not heavy, heavy
"""

SAMPLE = """
import jax, jax.numpy as jnp
from jaxgen.samplers import (
  ancestral, annealed, at_temperature, balanced, clamped, classifier_guided, coarse, corrected, ddim, ddpm, dpm_solver,
  edm, euler, euler_maruyama, grey, guided, heun, karras_levels, langevin, langevin_corrector, mala, ncsnv2,
  ncsnv2_epsilon, num_annealed_steps, num_resampled_steps, predictor_corrector, probability_flow_log_prob, put_back,
  resampled, run, spaced_levels, tempered, underdamped,
)
state, _ = run(langevin(lambda x: -x, 0.1), jax.random.key(0), jnp.zeros((2, 3)), 2)
assert state.position.shape == (2, 3)
"""

LOSSES = """
import jax.numpy as jnp
import jaxgen.losses
from jaxgen.losses import gan, score
assert gan.hinge_generator(jnp.zeros(3)).shape == (3,)
"""


@pytest.mark.parametrize('use', [SAMPLE, LOSSES], ids=['samplers', 'losses'])
def test_loads_jax_alone(use):
  subprocess.run([sys.executable, '-c', PROGRAM.format(use=use)], check=True, timeout=120)
