"""Maps of each number by itself, without parameters but for the conditional one; one per file."""

from jaxgen.bijectors.elementwise.conditional_affine import conditional_affine
from jaxgen.bijectors.elementwise.exp import Exp
from jaxgen.bijectors.elementwise.leaky_relu import LeakyReLU
from jaxgen.bijectors.elementwise.logit import Logit
from jaxgen.bijectors.elementwise.scale_shift import ScaleShift
from jaxgen.bijectors.elementwise.softplus import Softplus
from jaxgen.bijectors.elementwise.tanh import Tanh

__all__ = ['Exp', 'LeakyReLU', 'Logit', 'ScaleShift', 'Softplus', 'Tanh', 'conditional_affine']
