"""The time from nothing to the first gradient, of a flow whose layers are one scan and of one that is written out."""

import statistics
import sys
import tempfile

from experiments.speed import worker

FLOWS = ('spline', 'maf')
KINDS = ('scanned', 'unrolled')
BATCH = 512


def measure(flow: str, num: int) -> dict:
  """Both kinds, each in a process of its own with nothing compiled before."""
  row = {}
  for kind in KINDS:
    with (
      tempfile.TemporaryDirectory() as cache,
      worker.Worker(sys.executable, __name__, {'JAX_COMPILATION_CACHE_DIR': cache}) as process,
    ):
      row[kind] = process.ask(do='start', flow=flow, num=num, kind=kind)
  return row


def _start(flow, num, kind):
  """Seconds to the end of the first gradient, and of one after it."""
  import time

  from experiments.speed.flows import jax_side
  from experiments.speed.flows.sizes import SIZES

  import jax  # isort: skip

  from jaxgen.bijectors import Chain, Repeated

  size = SIZES[flow]
  x = jax.random.uniform(jax.random.key(0), (BATCH, size.dims))
  start = time.perf_counter()
  layer = lambda: jax_side.layer(flow, size, 'scan')  # noqa: E731
  whole = Repeated(layer(), num) if kind == 'scanned' else Chain(tuple(layer() for _ in range(num)))
  params, log_prob, _ = jax_side.of_bijector(whole, (size.dims,))
  gradient = jax.jit(jax.value_and_grad(lambda params: -log_prob(params, x).mean()))
  jax.block_until_ready(gradient(params))
  first = time.perf_counter() - start
  later = []
  for _ in range(5):
    start = time.perf_counter()
    jax.block_until_ready(gradient(params))
    later.append(time.perf_counter() - start)
  return {'first': first, 'later': statistics.median(later)}


if __name__ == '__main__':
  worker.serve(start=_start)
