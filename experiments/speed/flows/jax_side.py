"""The worker that times jaxgen, flowjax and distrax: one flow of one of them."""

import time
from functools import partial

from jaxgen import process

process.set_up()

import flax.linen as nn  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from jax.scipy.stats import norm  # noqa: E402

from experiments.speed import worker  # noqa: E402
from experiments.speed.flows.sizes import BINS, BOUND, SIZES  # noqa: E402
from jaxgen import bijectors  # noqa: E402
from jaxgen.bijectors import Autoregressive, Chain, Coupling, Repeated, Reverse, masks, transforms  # noqa: E402
from jaxgen.models.flow.glow import glow  # noqa: E402
from jaxgen.nn.made import MADE  # noqa: E402

SPLINE = transforms.rational_quadratic(BINS, BOUND)
AFFINE = transforms.affine(transforms.bounded_log_scale(5.0))


def layer(name: str, size, method: str) -> bijectors.Bijector:
  """One layer of the flow of this name."""
  if name == 'spline':
    moved = size.dims - size.dims // 2
    return Chain((Coupling(_mlp(size.hidden, SPLINE.num_params * moved), SPLINE, masks.halves()), Reverse()))
  return Chain((Autoregressive(MADE(size.hidden, AFFINE.num_params), AFFINE, method=method), Reverse()))


def _mlp(hidden, features):
  return nn.Sequential(
    [part for width in hidden for part in (nn.Dense(width), nn.relu)] + [nn.Dense(features)]
  )


def _jaxgen(name, method='fixed_point'):
  """`(parameters, log_prob(params, x), sample(params, rng, num))`."""
  size = SIZES[name]
  if name == 'glow':
    flow = glow(size.depth, size.levels, size.hidden[0], 'affine')
  else:
    flow = Repeated(layer(name, size, method), size.depth)
  shape = (size.dims,) if size.dims else size.shape
  return of_bijector(flow, shape)


def of_bijector(flow: bijectors.Bijector, shape: tuple[int, ...]):
  """A flow with standard normal latents: its parameters, `log_prob(params, x)` and `sample(params, rng, num)`.

  No parameter is where it starts: of networks that start at zero, as no other package's do, a fixed point is found at
  once.
  """
  start = jax.random.uniform(jax.random.key(1), (64, *shape))
  variables = jax.jit(partial(flow.init, method='forward_and_log_det'))(jax.random.key(0), start)
  like = jax.eval_shape(partial(flow.apply, method='forward_and_log_det'), variables, start)[0]

  def log_prob(params, x):
    z, log_det = flow.apply(variables | {'params': params}, x, method='forward_and_log_det')
    return sum(norm.logpdf(leaf).reshape(len(x), -1).sum(-1) for leaf in jax.tree.leaves(z)) + log_det

  def sample(params, rng, num):
    z = jax.tree.map(lambda leaf: jax.random.normal(rng, (num, *leaf.shape[1:])), like)
    return flow.apply(variables | {'params': params}, z, method='inverse_and_log_det')[0]

  return _moved(variables['params'], jax.random.key(2)), log_prob, sample


def _moved(params, rng):
  """Every parameter elsewhere, by draws of about what a layer of a hundred inputs begins with."""
  leaves, structure = jax.tree.flatten(params)
  rngs = jax.random.split(rng, len(leaves))
  moved = [leaf + 0.1 * jax.random.normal(rng, leaf.shape) for leaf, rng in zip(leaves, rngs, strict=True)]
  return structure.unflatten(moved)


def _flowjax(name):
  import equinox as eqx
  import flowjax.bijections
  import flowjax.distributions
  import flowjax.flows
  import paramax

  size = SIZES[name]
  base = paramax.non_trainable(flowjax.distributions.Normal(jnp.zeros(size.dims)))
  sizes = dict(base_dist=base, flow_layers=size.depth, nn_width=size.hidden[0], nn_depth=2)
  if name == 'spline':
    # its knots are the inner ones
    transformer = flowjax.bijections.RationalQuadraticSpline(knots=BINS - 1, interval=BOUND)
    flow = flowjax.flows.coupling_flow(jax.random.key(0), transformer=transformer, **sizes)
  else:
    flow = flowjax.flows.masked_autoregressive_flow(jax.random.key(0), **sizes)
  params, static = eqx.partition(
    flow, eqx.is_inexact_array, is_leaf=lambda leaf: isinstance(leaf, paramax.NonTrainable)
  )
  whole = lambda params: paramax.unwrap(eqx.combine(params, static))  # noqa: E731
  log_prob = lambda params, x: whole(params).log_prob(x)  # noqa: E731
  return params, log_prob, lambda params, rng, num: whole(params).sample(rng, (num,))


def _distrax(name):
  import distrax

  size = SIZES[name]
  kept = size.dims // 2
  network = _mlp(size.hidden, (3 * BINS + 1) * (size.dims - kept))
  start = jnp.zeros((1, kept))
  params = [network.init(key, start) for key in jax.random.split(jax.random.key(0), size.depth)]

  def flow(params):
    def conditioner(params, x):
      return network.apply(params, x).reshape(*x.shape[:-1], -1, 3 * BINS + 1)

    spline = lambda shape: distrax.RationalQuadraticSpline(shape, -BOUND, BOUND, 'identity')  # noqa: E731
    # the last one of a chain is applied first, to latents; couplings take turns in what they move
    layers = [
      distrax.Inverse(distrax.SplitCoupling(kept, 1, partial(conditioner, own), spline, swap=bool(index % 2)))
      for index, own in enumerate(params)
    ]
    base = distrax.MultivariateNormalDiag(jnp.zeros(size.dims), jnp.ones(size.dims))
    return distrax.Transformed(base, distrax.Chain(layers))

  log_prob = lambda params, x: flow(params).log_prob(x)  # noqa: E731
  return params, log_prob, lambda params, rng, num: flow(params).sample(seed=rng, sample_shape=(num,))


BUILD = {
  'jaxgen': _jaxgen,
  'jaxgen, scan': partial(_jaxgen, method='scan'),
  'flowjax': _flowjax,
  'distrax': _distrax,
}


class Side:
  """Holds one flow and what is compiled of it."""

  def build(self, side, flow):
    """Makes the parameters; answers how many there are and on which versions."""
    self._params, log_prob, sample = BUILD[side](flow)
    size = SIZES[flow]
    self._shape = (size.dims,) if size.dims else size.shape
    self._gradient = jax.jit(jax.value_and_grad(lambda params, x: -log_prob(params, x).mean()))
    self._sample = jax.jit(sample, static_argnums=2)
    self._rng = jax.random.key(3)
    return {
      'parameters': sum(leaf.size for leaf in jax.tree.leaves(self._params)),
      'version': jax.__version__,
    }

  def time(self, what, batch, seconds):
    """Seconds of one call; with `seconds` of 0 they are those of the first, compilation included."""
    x = jax.random.uniform(self._rng, (batch, *self._shape))
    call = {
      'gradient': lambda: self._gradient(self._params, x),
      'sample': lambda: self._sample(self._params, self._rng, batch),
    }[what]
    if seconds:
      return {'seconds': worker.seconds_per_call(lambda: jax.block_until_ready(call()), seconds)}
    start = time.perf_counter()
    jax.block_until_ready(call())
    return {'seconds': time.perf_counter() - start}


if __name__ == '__main__':
  side = Side()
  worker.serve(build=side.build, time=side.time)
