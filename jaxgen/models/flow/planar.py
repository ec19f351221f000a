"""Planar flows (Rezende & Mohamed, "Variational inference with normalizing flows", 2015), as densities of vectors.

Activation normalization, then `depth` planar layers that begin as the identity, all in closed form from the data to the
latents: the direction that likelihoods take. A sample takes one scalar root for each layer. Conditions move the
parameters of every layer.
"""

from collections.abc import Callable

from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.bijectors import ActNorm, Bijector, Chain, Planar, Repeated
from jaxgen.config_keys import DEPTH, Key
from jaxgen.families.conditioners import MLP
from jaxgen.settings import flow as settings
from jaxgen.types import GenerativeModel

KEYS = {'depth': Key(32, int, 'layers, K in the paper', DEPTH), **settings.KEYS}
# Of the network of a layer that sees the conditions.
_WIDTH, _LAYERS = 32, 1


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are no vectors.
  """
  return of_layers(config, Planar, lambda dims: 2 * dims + 1)


def of_layers(
  config: ConfigDict, layer: Callable[..., Bijector], num_params: Callable[[int], int]
) -> GenerativeModel:
  """A flow of `config.model.depth` layers of one kind.

  Args:
    config: of the experiment.
    layer: `conditioner -> Bijector`, of vectors.
    num_params: how many parameters a layer has for vectors of so many numbers.

  Raises:
    UserError: if the data are no vectors.
  """
  dims = settings.vector_size(config)
  network = MLP(_WIDTH, _LAYERS, num_params(dims)) if fields.given(config) else None
  return settings.assemble(config, Chain((ActNorm(), Repeated(layer(network), config.model.depth))))
