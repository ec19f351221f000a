"""Full float32 in what a family measures, on every device."""

from collections.abc import Callable
from typing import Any

import jax


def precisely(function: Callable[..., Any]) -> Callable[..., Any]:
  """The function with matrix products in full float32.

  TPUs and recent GPUs round them by default: an inverse then inverts no longer, and a density that is a sum over many
  layers, or over the many steps of an ODE, drifts.
  """
  return jax.default_matmul_precision('highest')(function)
