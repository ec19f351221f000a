"""Radial flows (Rezende & Mohamed, "Variational inference with normalizing flows", 2015), as densities of vectors.

As `jaxgen.models.flow.planar`, of radial layers, which have a closed form in both directions.
"""

from ml_collections import ConfigDict

from jaxgen.bijectors import Radial
from jaxgen.models.flow import planar
from jaxgen.types import GenerativeModel

KEYS = planar.KEYS


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are no vectors.
  """
  return planar.of_layers(config, Radial, lambda dims: dims + 2)
