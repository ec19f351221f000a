"""What is known of a run's data beside their fields, as `jaxgen.show` takes it."""

import numpy as np
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.data import toy
from jaxgen.show import About


def about(config: ConfigDict, examples: np.ndarray | None = None) -> About:
  """Of a resolved config: the exact density of a `toy:` set; of other vectors how far they reach.

  Args:
    config: of a run.
    examples: some of its `x`, [N, *shape]; their limits are those of all scatter plots.
  """
  kind, _, name = config.data.name.partition(':')
  if kind == 'toy':
    density = toy.DENSITIES[name]
    return About(limits=density.bound, density=density.log_prob)
  if fields.of(config)['x'].kind == 'vector' and examples is not None:
    return About(limits=float(np.abs(examples).max()) * 1.1)
  return About()
