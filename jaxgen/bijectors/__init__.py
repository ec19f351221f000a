"""Invertible maps with their log-determinants, one per file.

`Bijector` is the contract: a Linen module with two methods, `forward_and_log_det(x, given=None) -> (z, log_det)` and
`inverse_and_log_det(z, given=None) -> (x, log_det)`. Forward goes from the data to the latents; `log_det` is one number
per example, f32[B], in nats.

    flow = Chain((ActNorm(), Coupling(network, transforms.additive(), masks.halves())))
    variables = flow.init(rng, x, method='forward_and_log_det')
    z, log_det = flow.apply(variables, x, method='forward_and_log_det')
"""

from jaxgen.bijectors import masks, transforms
from jaxgen.bijectors.actnorm import ActNorm
from jaxgen.bijectors.autoregressive import Autoregressive
from jaxgen.bijectors.batch_norm import BatchNorm
from jaxgen.bijectors.bijector import Bijector
from jaxgen.bijectors.chain import Chain
from jaxgen.bijectors.coupling import Coupling
from jaxgen.bijectors.dequantization import UniformDequantization
from jaxgen.bijectors.elementwise import (
  Exp,
  LeakyReLU,
  Logit,
  ScaleShift,
  Softplus,
  Tanh,
  conditional_affine,
)
from jaxgen.bijectors.inverse import Inverse
from jaxgen.bijectors.invertible_conv import InvertibleConv
from jaxgen.bijectors.multi_scale import MultiScale
from jaxgen.bijectors.permutation import Permutation, Reverse
from jaxgen.bijectors.planar import Planar
from jaxgen.bijectors.radial import Radial
from jaxgen.bijectors.repeated import Repeated
from jaxgen.bijectors.reshape import Reshape
from jaxgen.bijectors.scaling import Scaling
from jaxgen.bijectors.squeeze import Squeeze

__all__ = [
  'ActNorm',
  'Autoregressive',
  'BatchNorm',
  'Bijector',
  'Chain',
  'Coupling',
  'Exp',
  'Inverse',
  'InvertibleConv',
  'LeakyReLU',
  'Logit',
  'MultiScale',
  'Permutation',
  'Planar',
  'Radial',
  'Repeated',
  'Reshape',
  'Reverse',
  'ScaleShift',
  'Scaling',
  'Softplus',
  'Squeeze',
  'Tanh',
  'UniformDequantization',
  'conditional_affine',
  'masks',
  'transforms',
]
