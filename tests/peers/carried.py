"""Weights that are drawn once and carried over to each package, and what its own parameters are called there."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.bijectors import Bijector, transforms
from jaxgen.nn.made import MADE, MaskedDense

BATCH, SIZE = 16, 5
KEPT = SIZE // 2
HIDDEN = (16, 16)
BINS, BOUND, LEAST = 8, 3.0, 1e-3
SPLINE = transforms.rational_quadratic(BINS, BOUND, LEAST, LEAST, LEAST)
SLOPE = math.log(math.expm1(1 - LEAST))  # softplus of it is 1 - LEAST


class Pair(NamedTuple):
  """The same map twice.

  Attributes:
    bijector: of jaxgen.
    variables: its own, f64.
    theirs: `x -> (z, log|det dz/dx|)`, arrays of any package.
  """

  bijector: Bijector
  variables: Mapping[str, Any]
  theirs: Callable[[np.ndarray], tuple[Any, Any]]


def network(rng: np.random.Generator, inputs: int, outputs: int) -> list:
  """Kernels f64[inputs, outputs] and biases of a multilayer perceptron."""
  widths = (inputs, *HIDDEN, outputs)
  return [
    (rng.normal(size=(before, after)) / math.sqrt(before), 0.3 * rng.normal(size=after))
    for before, after in zip(widths[:-1], widths[1:], strict=True)
  ]


def conditioner(layers: list) -> Callable[[jax.Array], jax.Array]:
  """The perceptron with these weights, a plain function."""

  def call(x):
    for kernel, bias in layers[:-1]:
      x = jax.nn.relu(x @ kernel + bias)
    return x @ layers[-1][0] + layers[-1][1]

  return call


def masked_network(rng: np.random.Generator, features: int) -> tuple[MADE, dict, list]:
  """A MADE with its parameters, and the perceptron that it is: kernels times their masks."""
  made, masks = MADE(HIDDEN, features), []

  def look(method, args, kwargs, context):
    if isinstance(context.module, MaskedDense):
      masks.append(context.module.mask)
    return method(*args, **kwargs)

  with nn.intercept_methods(look):
    params = made.init(jax.random.key(0), jnp.zeros((1, SIZE)))['params']
  drawn = network(rng, SIZE, features * SIZE)
  layers = [(kernel * mask, bias) for (kernel, bias), mask in zip(drawn, masks, strict=True)]
  values = {
    name: {'kernel': kernel, 'bias': bias} for name, (kernel, bias) in zip(params, drawn, strict=True)
  }
  return made, values, layers


def affine(scale: Callable[[jax.Array], jax.Array]) -> transforms.Transform:
  """`z = (x + shift) scale(s)`, with the scale that a package has."""
  return transforms.affine(lambda s: jnp.log(scale(s)))


def per_element(params: Any) -> Any:
  """Blocks `[B, n C]`, the first parameter of all elements first, as `[B, C, n]`, of numpy, jax or torch."""
  return params.reshape(len(params), 3 * BINS - 1, -1).swapaxes(1, 2)
