"""The worker that times jaxgen's metrics, set up as its command line sets itself up."""

import resource
import time

from jaxgen import process

process.set_up()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

from experiments.speed import worker  # noqa: E402
from jaxgen.metrics.features import inception  # noqa: E402
from jaxgen.metrics.precision_recall import precision_recall  # noqa: E402


class Side:
  """Holds the network and a batch of images."""

  def build(self, batch):
    """Random weights: the time does not depend on them."""
    rng = np.random.default_rng(0)
    network = inception.InceptionV3()
    blank = jnp.zeros((1, inception.SIZE, inception.SIZE, 3))
    self._params = jax.jit(network.init)(jax.random.key(0), blank)['params']
    self._large = jnp.asarray(rng.uniform(-1, 1, (batch, inception.SIZE, inception.SIZE, 3)), jnp.float32)
    self._small = rng.integers(0, 256, (batch, 32, 32, 3), np.uint8)
    self._network = jax.jit(lambda params, x: network.apply({'params': params}, x)['features'])
    self.network()
    self.pipeline()

  def network(self):
    """299x299 pixels to features."""
    return _timed(lambda: self._network(self._params, self._large))

  def pipeline(self):
    """32x32 pixels of 8 bits to features and logits."""
    return _timed(lambda: inception.features_and_logits(self._params, self._small))

  def neighbours(self, num, dims):
    """Precision and recall of random features."""
    real, fake = features(num, dims)
    start = time.perf_counter()
    value = precision_recall(real, fake)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {'seconds': seconds, 'value': value, 'peak': peak}


def features(num, dims):
  """Two sets whose manifolds overlap in part; made in place, so that they are most of the memory."""
  rng = np.random.default_rng(0)
  real = rng.standard_normal((num, dims), dtype=np.float32)
  fake = rng.standard_normal((num, dims), dtype=np.float32)
  fake *= np.float32(1.02)
  return real, fake


def _timed(call):
  start = time.perf_counter()
  jax.block_until_ready(call())
  return {'seconds': time.perf_counter() - start}


if __name__ == '__main__':
  side = Side()
  worker.serve(build=side.build, network=side.network, pipeline=side.pipeline, neighbours=side.neighbours)
