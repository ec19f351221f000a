"""Pairs with distrax and flowjax, which are JAX. Imported where these are installed."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.bijectors import Autoregressive, Coupling, Planar, masks
from jaxgen.bijectors.numerics.positive import positive
from tests.peers.carried import (
  BINS,
  BOUND,
  KEPT,
  LEAST,
  SIZE,
  SPLINE,
  Pair,
  affine,
  conditioner,
  masked_network,
  network,
)

MOVED = SIZE - KEPT


def distrax_affine_coupling(rng):
  import distrax

  call = conditioner(network(rng, KEPT, 2 * MOVED))

  def scaled(params):
    shift, log_scale = jnp.split(params, 2, -1)
    return distrax.ScalarAffine(shift=shift * jnp.exp(log_scale), log_scale=log_scale)

  theirs = distrax.SplitCoupling(KEPT, 1, call, scaled)
  return Pair(Coupling(call, affine(jnp.exp), masks.halves()), {}, theirs.forward_and_log_det)


def distrax_spline_coupling(rng):
  import distrax

  call = conditioner(network(rng, KEPT, SPLINE.num_params * MOVED))
  spline = lambda params: distrax.RationalQuadraticSpline(  # noqa: E731
    _with_ends(params), -BOUND, BOUND, 'identity', min_bin_size=2 * BOUND * LEAST, min_knot_slope=LEAST
  )
  theirs = distrax.SplitCoupling(KEPT, 1, call, spline)
  return Pair(Coupling(call, SPLINE, masks.halves()), {}, theirs.forward_and_log_det)


def flowjax_affine_coupling(rng):
  from flowjax import bijections

  call = conditioner(network(rng, KEPT, 2 * MOVED))
  sizes = dict(untransformed_dim=KEPT, dim=SIZE, nn_width=8, nn_depth=1)
  theirs = bijections.Coupling(jax.random.key(0), transformer=bijections.Affine(), **sizes)
  theirs = _with(theirs, 'conditioner', lambda kept: _scaled(call(kept)))
  return Pair(Coupling(call, affine(_scale), masks.halves()), {}, _call(theirs))


def flowjax_spline_coupling(rng):
  from flowjax import bijections

  call = conditioner(network(rng, KEPT, SPLINE.num_params * MOVED))
  # its knots are the inner ones, its smallest width is not a part of the interval
  spline = bijections.RationalQuadraticSpline(knots=BINS - 1, interval=BOUND, min_width=2 * BOUND * LEAST)
  sizes = dict(untransformed_dim=KEPT, dim=SIZE, nn_width=8, nn_depth=1)
  theirs = bijections.Coupling(jax.random.key(0), transformer=spline, **sizes)
  theirs = _with(theirs, 'conditioner', lambda kept: _with_ends(call(kept)).ravel())
  return Pair(Coupling(call, SPLINE, masks.halves()), {}, _call(theirs))


def flowjax_masked_autoregressive(rng):
  from flowjax import bijections

  made, params, layers = masked_network(rng, 2)
  call = conditioner(layers)
  sizes = dict(dim=SIZE, nn_width=8, nn_depth=1)
  theirs = bijections.MaskedAutoregressive(jax.random.key(0), transformer=bijections.Affine(), **sizes)
  theirs = _with(theirs, 'masked_autoregressive_mlp', lambda x: _scaled(call(x)))
  return Pair(Autoregressive(made, affine(_scale)), {'params': {'conditioner': params}}, _call(theirs))


def flowjax_planar(rng):
  from flowjax import bijections

  u, w, b = rng.normal(size=SIZE), rng.normal(size=SIZE), rng.normal(size=1)
  # both move u along w, there until w u is log(1 + softplus(.)) - 1
  along = np.log(np.expm1(np.expm1(positive(w @ u))))
  params = np.concatenate([w, u + (along - w @ u) * w / (w @ w), b])
  theirs = _with(bijections.Planar(jax.random.key(0), dim=SIZE), 'params', jnp.asarray(params))
  return Pair(Planar(), {'params': {'u': u, 'w': w, 'b': b}}, _call(theirs))


def _scale(s):
  """flowjax adds parameters to those of the identity."""
  return jax.nn.softplus(s + math.log(math.e - 1))


def _scaled(params):
  """It adds after it scales, so that its shift is ours times the scale; an element after the other."""
  shift, s = jnp.split(params, 2, -1)
  return jnp.stack([shift * _scale(s), s], -1).ravel()


def _with_ends(params):
  """From blocks, [..., (3 bins - 1) C], to [..., C, 3 bins + 1]: derivatives at the ends too, where 0 stands for 1."""
  elements = jnp.moveaxis(params.reshape(*params.shape[:-1], SPLINE.num_params, -1), -2, -1)
  sizes, slopes = jnp.split(elements, [2 * BINS], -1)
  return jnp.concatenate([sizes, jnp.pad(slopes, [(0, 0)] * (slopes.ndim - 1) + [(1, 1)])], -1)


def _with(module, name, value):
  return eqx.tree_at(lambda m: getattr(m, name), module, value, is_leaf=lambda leaf: leaf is None)


def _call(module):
  import paramax

  return jax.vmap(paramax.unwrap(module).transform_and_log_det)
