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
from jaxgen.samplers import ancestral, annealed, langevin, predictor_corrector, run
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
