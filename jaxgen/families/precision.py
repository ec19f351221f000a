"""Full float32 in what a family measures, on every device."""

from collections.abc import Callable
from typing import Any

import jax

from jaxgen.computing import in_float32


def precisely(function: Callable[..., Any]) -> Callable[..., Any]:
  """The function with matrix products in full float32.

  TPUs and recent GPUs round them by default: an inverse then inverts no longer, and a density that is a sum over many
  layers, or over the many steps of an ODE, drifts. For the same reason networks compute in float32 here,
  whatever `config.dtype` says.
  """
  return in_float32(jax.default_matmul_precision('highest')(function))
