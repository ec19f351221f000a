"""distrax and flowjax: neural spline flows of JAX, by couplings and autoregressive."""

import importlib.metadata
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.toy_densities.peers import BATCH, BINS, BOUND, LAYERS, Job, learning_rate, width_for

_STEPS = 50  # of a dispatch


def _distrax(dims, width, key):
  import distrax

  params_each = 3 * BINS + 1
  masks = [(jnp.arange(dims) + layer) % 2 == 0 for layer in range(2 * LAYERS)]

  def mlp(key):
    sizes = (dims, width, width, dims * params_each)
    pairs = zip(sizes[:-1], sizes[1:], jax.random.split(key, 3), strict=True)
    layers = [{'w': jax.random.normal(k, (n, m)) / n**0.5, 'b': jnp.zeros(m)} for n, m, k in pairs]
    layers[-1]['w'] *= 0.01
    return layers

  def conditioner(layers, x):
    for layer in layers[:-1]:
      x = jax.nn.gelu(x @ layer['w'] + layer['b'])
    out = x @ layers[-1]['w'] + layers[-1]['b']
    return out.reshape(*x.shape[:-1], dims, params_each)

  def spline(params):
    return distrax.RationalQuadraticSpline(params, -BOUND, BOUND, boundary_slopes='identity')

  def log_prob(params, x):
    couplings = [
      distrax.MaskedCoupling(mask, lambda kept, p=p: conditioner(p, kept), spline)
      for mask, p in zip(masks, params, strict=True)
    ]
    z, log_det = x, 0.0
    for coupling in couplings:
      z, change = coupling.forward_and_log_det(z)
      log_det += change
    base = distrax.MultivariateNormalDiag(jnp.zeros(dims), jnp.ones(dims))
    return base.log_prob(z) + log_det

  return [mlp(k) for k in jax.random.split(key, 2 * LAYERS)], log_prob


def _flowjax(dims, width, key):
  import equinox
  import paramax
  from flowjax import bijections, distributions, flows

  flow = flows.masked_autoregressive_flow(
    key,
    base_dist=distributions.Normal(jnp.zeros(dims)),
    transformer=bijections.RationalQuadraticSpline(knots=BINS - 1, interval=BOUND),  # the inner ones
    flow_layers=LAYERS,
    nn_width=width,
    nn_depth=2,
  )
  params, static = equinox.partition(
    flow, equinox.is_inexact_array, is_leaf=lambda leaf: isinstance(leaf, paramax.NonTrainable)
  )

  def log_prob(params, x):
    return paramax.unwrap(equinox.combine(params, static)).log_prob(x)

  return params, log_prob


BUILD = {'distrax': _distrax, 'flowjax': _flowjax}


def fit(job: Job, train: np.ndarray):
  """Trains; returns a log-density `f32[N, D] -> f64[N]`, and what the table says of the fit."""
  build, dims, key = BUILD[job.peer], train.shape[1], jax.random.key(job.seed)

  def count(width):
    return _size(jax.eval_shape(lambda: build(dims, width, key)[0]))

  params, log_prob = build(dims, width_for(count, job.parameters), key)
  tx = optax.chain(optax.clip_by_global_norm(5.0), optax.scale_by_adam())

  def one(carry, chosen_and_rate):
    (params, state), (chosen, rate) = carry, chosen_and_rate
    gradient = jax.grad(lambda p: -log_prob(p, points[chosen]).mean())(params)
    updates, state = tx.update(gradient, state)
    return (optax.apply_updates(params, jax.tree.map(lambda u: -rate * u, updates)), state), None

  @jax.jit
  def dispatch(carry, chosen, rates):
    return jax.lax.scan(one, carry, (chosen, rates))[0]

  points, rng = jnp.asarray(train), np.random.default_rng(job.seed)
  carry, cpu = (params, tx.init(params)), time.process_time()

  def batch():
    return rng.integers(len(train), size=(_STEPS, BATCH))

  jax.block_until_ready(
    dispatch(carry, batch(), np.zeros(_STEPS, np.float32))
  )  # compiles; what it gives is dropped
  start, step, spent = time.perf_counter(), 0, 0.0
  while spent < 1:
    rates = np.array([learning_rate(spent, step + i) for i in range(_STEPS)], np.float32)
    carry = jax.block_until_ready(dispatch(carry, batch(), rates))
    step += _STEPS
    seconds = time.perf_counter() - start
    spent = step / job.steps if job.steps else seconds / job.seconds
  about = {
    'parameters': _size(params),
    'steps': step,
    'seconds': seconds,
    'cpu_minutes': (time.process_time() - cpu) / 60,
    'versions': {name: importlib.metadata.version(name) for name in (job.peer, 'jax')},
  }
  compiled = jax.jit(log_prob)

  def evaluate(x):
    parts = [np.asarray(compiled(carry[0], x[i : i + 10_000]), np.float64) for i in range(0, len(x), 10_000)]
    return np.concatenate([np.zeros(0), *parts])

  return evaluate, about


def _size(params):
  return sum(leaf.size for leaf in jax.tree.leaves(params))
