"""The worker that times convolutions of jaxgen and of XLA, set up as the command line sets itself up."""

from jaxgen import process

process.set_up()

import jax  # noqa: E402
import numpy as np  # noqa: E402

from experiments.speed import worker  # noqa: E402
from jaxgen.nn import conv  # noqa: E402


def plain(x: jax.Array, k: jax.Array) -> jax.Array:
  """XLA's convolution of f32[B, H, W, C] with f32[3, 3, C, O], with the gradients that JAX makes of it."""
  return jax.lax.conv_general_dilated(x, k, (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC'))


_FORMS = {'jaxgen': conv, 'XLA': plain}
_calls = {}


def versions():
  """What this interpreter is."""
  return {'jax': jax.__version__}


def time(shape, wanted, form, seconds):
  """Seconds for the array named `wanted` from the other two."""
  key = (*shape, wanted, form)
  if key not in _calls:
    _calls[key] = _call(*shape, wanted, _FORMS[form])
  return {'seconds': worker.seconds_per_call(_calls[key], seconds)}


def function(form, wanted):
  """`(x, k, y) -> ` the array named `wanted`, compiled; the gradients are those of a cotangent y."""
  return jax.jit(
    {
      'y': lambda x, k, y: form(x, k),
      'x': lambda x, k, y: jax.vjp(lambda x: form(x, k), x)[1](y)[0],
      'k': lambda x, k, y: jax.vjp(lambda k: form(x, k), k)[1](y)[0],
    }[wanted]
  )


def _call(batch, side, channels, features, wanted, form):
  rng = np.random.default_rng(0)
  sizes = (batch, side, side, channels), (3, 3, channels, features), (batch, side, side, features)
  x, k, y = (jax.numpy.asarray(rng.normal(size=size).astype(np.float32)) for size in sizes)
  run = function(form, wanted)
  return lambda: jax.block_until_ready(run(x, k, y))


if __name__ == '__main__':
  worker.serve(versions=versions, time=time)
