"""Pairs with nflows, zuko and normflows, which are PyTorch. Imported where these are installed."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch.nn import functional as F

from jaxgen.bijectors import (
  ActNorm,
  Autoregressive,
  BatchNorm,
  Coupling,
  InvertibleConv,
  Planar,
  Radial,
  masks,
)
from jaxgen.bijectors.numerics.positive import positive
from tests.peers.carried import (
  BINS,
  BOUND,
  KEPT,
  LEAST,
  SIZE,
  SLOPE,
  SPLINE,
  Pair,
  affine,
  conditioner,
  masked_network,
  network,
)

MOVED = SIZE - KEPT
MASK = [0] * KEPT + [1] * MOVED


def nflows_affine_coupling(rng):
  from nflows.transforms import AffineCouplingTransform

  layers = network(rng, KEPT, 2 * MOVED)
  ours = Coupling(conditioner(layers), affine(lambda s: jax.nn.sigmoid(s + 2) + 1e-3), masks.halves())
  scaled = lambda shift, s: torch.cat([shift * (torch.sigmoid(s + 2) + 1e-3), s], -1)  # noqa: E731
  theirs = AffineCouplingTransform(MASK, lambda *_: Network(layers, partial(_affine, scaled)))
  return Pair(ours, {}, _call(theirs))


def zuko_affine_coupling(rng):
  from zuko.flows.coupling import GeneralCouplingTransform

  layers = network(rng, KEPT, 2 * MOVED)
  ours = Coupling(conditioner(layers), affine(lambda s: jnp.exp(_soft(s))), masks.halves())
  theirs = GeneralCouplingTransform(SIZE, mask=[not moves for moves in MASK])
  theirs.hyper = Network(layers, partial(_affine, _of_zuko))
  return Pair(ours, {}, _call(lambda x: theirs().call_and_ladj(x)))


def nflows_masked_autoregressive(rng):
  from nflows.transforms import MaskedAffineAutoregressiveTransform

  made, params, layers = masked_network(rng, 2)
  ours = Autoregressive(made, affine(lambda s: jax.nn.softplus(s) + 1e-3))
  theirs = MaskedAffineAutoregressiveTransform(SIZE, 8)
  scaled = lambda shift, s: torch.stack([s, shift * (F.softplus(s) + 1e-3)], -1).flatten(1)  # noqa: E731
  theirs.autoregressive_net = Network(layers, partial(_affine, scaled))
  return Pair(ours, {'params': {'conditioner': params}}, _call(theirs))


def zuko_masked_autoregressive(rng):
  from zuko.flows.autoregressive import MaskedAutoregressiveTransform

  made, params, layers = masked_network(rng, 2)
  ours = Autoregressive(made, affine(lambda s: jnp.exp(_soft(s))))
  theirs = MaskedAutoregressiveTransform(SIZE)
  theirs.hyper = Network(layers, partial(_affine, _of_zuko))
  return Pair(ours, {'params': {'conditioner': params}}, _call(lambda x: theirs().call_and_ladj(x)))


def nflows_spline_coupling(rng):
  from nflows.transforms import PiecewiseRationalQuadraticCouplingTransform

  layers = network(rng, KEPT, SPLINE.num_params * MOVED)
  theirs = PiecewiseRationalQuadraticCouplingTransform(
    MASK, lambda *_: Network(layers, _spline_of_nflows), num_bins=BINS, tails='linear', tail_bound=BOUND
  )
  return Pair(Coupling(conditioner(layers), SPLINE, masks.halves()), {}, _call(theirs))


def nflows_autoregressive_spline(rng):
  from nflows.transforms import MaskedPiecewiseRationalQuadraticAutoregressiveTransform

  made, params, layers = masked_network(rng, SPLINE.num_params)
  theirs = MaskedPiecewiseRationalQuadraticAutoregressiveTransform(
    SIZE, 8, num_bins=BINS, tails='linear', tail_bound=BOUND
  )
  theirs.autoregressive_net = Network(layers, _spline_of_nflows)
  return Pair(Autoregressive(made, SPLINE), {'params': {'conditioner': params}}, _call(theirs))


def zuko_spline_coupling(rng):
  from zuko.flows.coupling import GeneralCouplingTransform
  from zuko.transforms import MonotonicRQSTransform

  *hidden, last = network(rng, KEPT, SPLINE.num_params * MOVED)
  layers = [*hidden, tuple(0.3 * part for part in last)]  # no bin smaller than zuko could make it
  theirs = GeneralCouplingTransform(
    SIZE,
    mask=[not moves for moves in MASK],
    univariate=partial(MonotonicRQSTransform, bound=BOUND),
    shapes=((BINS,), (BINS,), (BINS - 1,)),
  )
  theirs.hyper = Network(layers, _spline_of_zuko)
  ours = Coupling(conditioner(layers), SPLINE, masks.halves())
  return Pair(ours, {}, _call(lambda x: theirs().call_and_ladj(x)))


def normflows_planar(rng):
  from normflows.flows import Planar as Theirs

  u, w, b = rng.normal(size=SIZE), rng.normal(size=SIZE), rng.normal(size=1)
  # both move u along w, until w u is softplus(.) - 1
  theirs = u + (np.log(np.expm1(positive(w @ u))) - w @ u) * w / (w @ w)
  layer = Theirs((SIZE,), u=_tensor(theirs)[None], w=_tensor(w)[None], b=_tensor(b))
  return Pair(Planar(), {'params': {'u': u, 'w': w, 'b': b}}, _call(layer))


def normflows_radial(rng):
  from normflows.flows import Radial as Theirs

  params = {'centre': rng.normal(size=SIZE), 's': rng.normal(size=1), 't': rng.normal(size=1)}
  alpha = positive(params['t'])
  layer = Theirs((SIZE,), z_0=_tensor(params['centre'])[None]).double()
  _set(layer, alpha=alpha, beta=np.log(np.expm1(alpha * positive(params['s']))))
  return Pair(Radial(), {'params': params}, _call(layer))


def nflows_actnorm(rng):
  from nflows.transforms import ActNorm as Theirs

  shift, log_scale = rng.normal(size=SIZE), rng.normal(size=SIZE)
  layer = Theirs(SIZE).eval().double()
  _set(layer, log_scale=log_scale, shift=shift * np.exp(log_scale))
  return Pair(ActNorm(), {'params': {'shift': shift, 'log_scale': log_scale}}, _call(layer))


def normflows_invertible_conv(rng):
  from normflows.flows import Invertible1x1Conv

  permutation, sign = np.eye(SIZE)[rng.permutation(SIZE)], rng.choice([-1.0, 1.0], SIZE)
  lower, upper = rng.normal(size=(2, SIZE, SIZE))
  log_scale = rng.normal(size=SIZE)
  layer = Invertible1x1Conv(SIZE, use_lu=True).double()
  _set(layer, P=permutation, L=lower, U=upper, sign_S=sign, log_S=log_scale)
  variables = {
    'params': {'lower': lower, 'upper': upper, 'log_scale': log_scale},
    'constants': {'permutation': permutation, 'sign': sign},
  }
  images = lambda x: _last(layer.inverse(x.permute(0, 3, 1, 2)))  # noqa: E731
  return Pair(InvertibleConv(), variables, _call(images))


def nflows_linear(rng):
  from nflows.transforms import LULinear

  lower, upper = np.tril(rng.normal(size=(SIZE, SIZE)), -1), np.triu(rng.normal(size=(SIZE, SIZE)), 1)
  log_scale = rng.uniform(0, 1, SIZE)
  layer = LULinear(SIZE).double()
  _set(
    layer,
    lower_entries=lower[np.tril_indices(SIZE, -1)],
    upper_entries=upper[np.triu_indices(SIZE, 1)],
    unconstrained_upper_diag=np.log(np.expm1(np.exp(log_scale) - layer.eps)),
  )
  variables = {
    'params': {'lower': lower, 'upper': upper, 'log_scale': log_scale},
    'constants': {'permutation': np.eye(SIZE), 'sign': np.ones(SIZE)},
  }
  return Pair(InvertibleConv(), variables, _call(layer))


def nflows_batch_norm(rng):
  from nflows.transforms import BatchNorm as Theirs

  mean, variance = rng.normal(size=SIZE), rng.uniform(0.5, 2, SIZE)
  layer = Theirs(SIZE, eps=1e-4).eval().double()
  _set(layer, running_mean=mean, running_var=variance)
  return Pair(BatchNorm(epsilon=1e-4), {'batch_stats': {'mean': mean, 'variance': variance}}, _call(layer))


class Network(torch.nn.Module):
  """The perceptron with these weights; `convert` makes of its outputs what a package wants."""

  def __init__(self, layers, convert):
    super().__init__()
    self.layers = [(_tensor(kernel.T), _tensor(bias)) for kernel, bias in layers]
    self.convert = convert

  def forward(self, x, context=None):
    for kernel, bias in self.layers[:-1]:
      x = torch.relu(F.linear(x, kernel, bias))
    return self.convert(F.linear(x, *self.layers[-1]))


def _affine(scaled, params):
  """They add after they scale, so that their shift is ours times the scale."""
  return scaled(*params.chunk(2, -1))


def _soft(s):
  """zuko's logarithm of a scale."""
  return s / (1 + abs(s / math.log(1e-3)))


def _of_zuko(shift, s):
  return torch.stack([shift * torch.exp(_soft(s)), s], -1).flatten(1)


def _spline_blocks(params):
  """Logits of widths and of heights [B, C, bins], and what softplus makes derivatives of [B, C, bins - 1]."""
  params = params.unflatten(-1, (SPLINE.num_params, -1)).transpose(1, 2)
  return params.split([BINS, BINS, BINS - 1], -1)


def _spline_of_nflows(params):
  widths, heights, slopes = _spline_blocks(params)
  return torch.cat([widths, heights, slopes + SLOPE], -1).flatten(1)


def _spline_of_zuko(params):
  """zuko bounds logits softly and has no smallest bin: its logits are those of our widths, taken back."""
  widths, heights, slopes = _spline_blocks(params)
  logits = [torch.log(LEAST + (1 - LEAST * BINS) * torch.softmax(part, -1)) for part in (widths, heights)]
  logits = [part - part.mean(-1, keepdim=True) for part in logits]
  slopes = torch.log(LEAST + F.softplus(slopes + SLOPE))
  hard = lambda part, bound: part / (1 - abs(part) / bound)  # noqa: E731
  half = -math.log(1e-3) / 2
  return torch.cat([*(hard(part, half) for part in logits), hard(slopes, 2 * half)], -1).flatten(1)


def _call(function):
  """Of numpy and to numpy."""

  def call(x):
    with torch.no_grad():
      return [part.numpy() for part in function(_tensor(x))]

  return call


def _last(result):
  z, log_det = result
  return z.permute(0, 2, 3, 1), log_det.expand(len(z))


def _set(layer, **values):
  for name, value in values.items():
    getattr(layer, name).data = _tensor(np.asarray(value)).reshape(getattr(layer, name).shape)


def _tensor(array):
  return torch.tensor(np.asarray(array), dtype=torch.float64)
