"""The worker that draws by jaxgen: every entry with what is kept of those before, or naively, by the whole network."""

from unittest import mock

from jaxgen import process

process.set_up()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from ml_collections import ConfigDict  # noqa: E402

from experiments.speed import worker  # noqa: E402
from jaxgen import fields, models  # noqa: E402
from jaxgen.families.autoregressive import whole_network  # noqa: E402
from jaxgen.families.distributions import categorical  # noqa: E402
from jaxgen.families.networks import Part, assembled  # noqa: E402
from jaxgen.samplers.ancestral import ancestral  # noqa: E402
from jaxgen.samplers.run import run  # noqa: E402
from jaxgen.settings import autoregressive as settings  # noqa: E402

_COMPARED = 48  # tokens whose logits other sides must have too


def slots(config):
  """The network, the predictor and the distribution that a module makes of a config."""
  found, assemble = [], settings.assemble

  def keep(config, network, predictor=whole_network, distribution=None, **others):
    found.append((network, predictor, distribution or categorical(fields.of(config)['x'].levels)))
    return assemble(config, network, predictor, distribution, **others)

  with mock.patch.object(settings, 'assemble', keep):
    models.find(config.module).build(config)
  return found[0]


class Side:
  """Holds one model and the program that draws from it."""

  def versions(self):
    """What this interpreter is."""
    return {'jax': jax.__version__, 'device': jax.devices()[0].device_kind}

  def build(self, config, naive=False, entries=0):
    """Builds the model, with random weights, and a program that draws its first `entries`; by 0 all."""
    config = ConfigDict(config)
    x, (network, predictor, distribution) = fields.of(config)['x'], slots(config)
    blank = jnp.zeros((1, *x.shape), jnp.int32)
    start, apply = assembled({'network': Part(network, lambda: (blank, {}))})
    self._params, extra = jax.jit(start)(jax.random.key(0))
    self._network, self._levels = network, x.levels

    def draw(params, rng, num):
      def run_network(*args, method=None):
        return apply('network', params, extra, *args, train=False, method=method)[0]

      predict = (whole_network if naive else predictor)(run_network, {})
      position = jnp.zeros((num, *x.shape), jnp.int32)
      steps = entries or fields.size(x)
      return run(ancestral(*predict, distribution.draw), rng, position, steps, lambda *_: ())[0].position

    self._draw = jax.jit(draw, static_argnums=2)
    self._keys, self._calls = list(jax.random.split(jax.random.key(1), 64)), 0
    return {'parameters': sum(leaf.size for leaf in jax.tree.leaves(self._params))}

  def save(self, path):
    """Writes the weights by their names, a text and its logits, for another side that has the same network."""
    x = jax.random.randint(jax.random.key(2), (1, _COMPARED), 0, self._levels)
    logits = self._network.apply({'params': self._params['network']}, x, {}, False)
    named = jax.tree_util.tree_leaves_with_path(self._params['network'])
    weights = {'/'.join(part.key for part in place): np.asarray(leaf) for place, leaf in named}
    np.savez(path, **weights, **{'compared/x': np.asarray(x), 'compared/logits': np.asarray(logits)})
    return {}

  def sample(self, num, seconds):
    """Seconds for `num` examples, drawn together."""
    self._once(num)
    return {'seconds': worker.seconds_per_call(lambda: self._once(num), seconds)}

  def _once(self, num):
    jax.block_until_ready(self._draw(self._params, self._keys[self._calls % 64], num))
    self._calls += 1


if __name__ == '__main__':
  side = Side()
  worker.serve(versions=side.versions, build=side.build, save=side.save, sample=side.sample)
