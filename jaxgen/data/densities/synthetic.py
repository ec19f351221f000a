"""Tables of numbers whose density is known exactly, in the dimensions of those that density estimators are compared by.

POWER, GAS, HEPMASS, MINIBOONE and BSDS300 (Papamakarios et al., "Masked autoregressive flow for density estimation",
2017, section 4.3) have 6, 8, 21, 43 and 63 dimensions, and nobody knows their entropy. Here it is known, so that what a
model lacks can be told from what the data are. Each family is hard in one way of real tables: clusters, marginals that
are no Gaussians, dependence that is no correlation. What is random in a density is drawn with its dimensions as seed.
"""

import difflib
import functools

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxgen.data.densities.density import Density, drawn, generator
from jaxgen.data.order import APART
from jaxgen.data.source import Source
from jaxgen.errors import UserError

DIMS = (6, 8, 21, 43, 63)


def mixture(dims: int, components: int = 6) -> Density:
  """Clusters, correlated in a way of their own each: `p(x) = sum_k w_k N(x; m_k, A_k A_k^T)`.

  The weights rise, `w_k = 2 k / (K (K + 1))`. Each covariance has random axes, along which the standard deviations go
  from 1 down to 1/10; the centres are standard normal draws.

  The entropy is `sum_k w_k (h_k - log w_k) - E H(k | x)`: entropies of Gaussians, of the weights, and what x leaves
  open about the component, the one part that is no closed form; see `_LEFT_OPEN`.
  """
  rng = generator(dims)
  weights = np.arange(1, components + 1) / (components * (components + 1) / 2)
  centres = rng.standard_normal((components, dims))
  spread = np.geomspace(1, 0.1, dims)
  roots = np.stack([_orthogonal(rng, dims) * spread for _ in range(components)])
  whiten = np.linalg.inv(roots)
  log_weights = np.log(weights) - dims / 2 * np.log(2 * np.pi) - np.log(spread).sum()

  def log_prob(x):
    z = jnp.einsum('kij,...kj->...ki', whiten, x[..., None, :] - centres)
    return jax.nn.logsumexp(log_weights - jnp.sum(z**2, -1) / 2, -1)

  def sample(seed, num):
    rng = generator(APART + seed)
    chosen = rng.choice(components, num, p=weights)
    z, x = rng.standard_normal((num, dims)), np.empty((num, dims), np.float32)
    for k in range(components):
      x[chosen == k] = z[chosen == k] @ roots[k].T + centres[k]
    return x

  gaussian = dims / 2 * np.log(2 * np.pi * np.e) + np.log(spread).sum()
  entropy = gaussian - (weights * np.log(weights)).sum() - _LEFT_OPEN.get(dims, 0.0)
  return Density(log_prob, sample, float(entropy), 5.0, dims=dims)


# E H(k | x) of `mixture` in nats: means over 4 million draws in float64, with standard errors of 1e-5 and 3e-7. In more
# dimensions it is below 1e-12, where every component has a region of its own.
_LEFT_OPEN = {6: 1.224e-3, 8: 1.1e-6}


def copula(dims: int) -> Density:
  """Marginals with heavy tails, two modes or a skew, one after the other, held together by a Gaussian copula.

    z_i = T_i(x_i) ~ N(0, 1),  z ~ N(0, R),  log p(x) = log N(T(x); 0, R) + sum_i log T_i'(x_i)
    T(x) = sinh(d asinh(b(x)) - e),  b(x) = x - a tanh(x)

  The outer map is that of Jones & Pewsey, "Sinh-arcsinh distributions", 2009, equation 1: `d < 1` makes tails heavy and
  `e` skews; the inner one empties the middle. The entropy is `log det(2 pi e R) / 2 - sum_i E log T_i'(x_i)`, whose
  expectations are integrals over a line, by a sum over a grid that is exact to rounding.
  """
  rng = generator(dims)
  kinds = np.arange(dims) % 3
  heaviness, empty, skew = (np.array(each)[kinds] for each in ((0.6, 1, 0.8), (0, 0.95, 0), (0, 0, 0.5)))
  root = _orthogonal(rng, dims) * np.geomspace(1, 0.2, dims)
  root /= np.linalg.norm(root, axis=1, keepdims=True)  # so that R has ones on its diagonal
  whiten, log_det = np.linalg.inv(root), np.linalg.slogdet(root)[1]

  def to_normal(x, numpy):
    """T(x) and log T'(x), both f[..., dims], by NumPy or jax.numpy."""
    tanh = numpy.tanh(x)
    inner = x - empty * tanh
    angle = heaviness * numpy.arcsinh(inner) - skew
    log_slope = np.log(heaviness) + numpy.log(numpy.cosh(angle)) - numpy.log1p(inner**2) / 2
    return numpy.sinh(angle), log_slope + numpy.log1p(-empty * (1 - tanh**2))

  def from_normal(z):
    return _emptied(np.sinh((np.arcsinh(z) + skew) / heaviness), empty)

  def log_prob(x):
    z, log_slope = to_normal(x, jnp)
    z = jnp.einsum('ij,...j->...i', whiten, z)
    return jnp.sum(log_slope - z**2 / 2 - np.log(2 * np.pi) / 2, -1) - log_det

  def sample(seed, num):
    z = generator(seed).standard_normal((num, dims)) @ root.T
    return from_normal(z).astype(np.float32)

  line = np.linspace(-10, 10, 2001)
  mass = np.exp(-(line**2) / 2) / np.exp(-(line**2) / 2).sum()
  _, slopes = to_normal(from_normal(np.repeat(line[:, None], dims, 1)), np)
  entropy = dims / 2 * np.log(2 * np.pi * np.e) + log_det - (mass @ slopes).sum()
  return Density(log_prob, sample, float(entropy), 15.0, dims=dims)


def _emptied(y, empty):
  """Solves `x - empty tanh(x) = y`: Newton's method falls without overshooting from `|y| + empty`, beyond the root."""
  far = np.abs(y)
  x = far + empty
  for _ in range(8):
    tanh = np.tanh(x)
    x = x - (x - empty * tanh - far) / (1 - empty * (1 - tanh**2))
  return np.copysign(x, y)


def banana(dims: int) -> Density:
  """Bent sheets whose width varies, turned so that no axis shows them.

    u = z_1,  v_i = exp(sin(2 u_i)) z_2i + u_i^2 - 1,  x = Q (u, v),  z ~ N(0, I)

  for `dims // 2` pairs, Q random and orthogonal. As E sin(2u) = 0, the map keeps volumes on average and the entropy is
  that of z, `dims / 2 log(2 pi e)`.
  """
  pairs = dims // 2
  turn = _orthogonal(generator(dims), dims)

  def log_prob(x):
    u, v = jnp.split(jnp.einsum('...i,ij->...j', x, turn), [dims - pairs], -1)
    bend = u[..., :pairs]
    log_width = jnp.sin(2 * bend)
    z = jnp.concatenate([u, (v - bend**2 + 1) * jnp.exp(-log_width)], -1)
    return -jnp.sum(z**2, -1) / 2 - jnp.sum(log_width, -1) - dims / 2 * np.log(2 * np.pi)

  def sample(seed, num):
    z = generator(seed).standard_normal((num, dims))
    u, v = z[:, : dims - pairs], z[:, dims - pairs :]
    bend = u[:, :pairs]
    v = np.exp(np.sin(2 * bend)) * v + bend**2 - 1
    return (np.concatenate([u, v], -1) @ turn.T).astype(np.float32)

  return Density(log_prob, sample, float(dims / 2 * np.log(2 * np.pi * np.e)), 8.0, dims=dims)


def _orthogonal(rng, dims):
  """A random rotation, f64[dims, dims]; the signs make it the same whatever computes the decomposition."""
  q, r = np.linalg.qr(rng.standard_normal((dims, dims)))
  return q * np.sign(np.diagonal(r))


FAMILIES = {'mixture': mixture, 'copula': copula, 'banana': banana}
NAMES = tuple(f'{family}_{dims}' for family in FAMILIES for dims in DIMS)


@functools.cache
def density(name: str) -> Density:
  """The density of this name, one of `NAMES`."""
  family, _, dims = name.rpartition('_')
  return FAMILIES[family](int(dims))


def load(config: ConfigDict, name: str, split: str) -> Source:
  """100,000 examples to train on, 10,000 each to validate and to test, the same ones always: `synthetic:<name>`.

  Raises:
    UserError: if there is no such density, or `config.image_size` is set.
  """
  if name not in NAMES:
    near = difflib.get_close_matches(name, NAMES, n=1)
    hint = f' (did you mean "{near[0]}"?)' if near else ''
    raise UserError(f'There is no density "{name}"{hint}; there are {", ".join(NAMES)}.')
  return drawn(config, density(name), split, num_train=100_000)
