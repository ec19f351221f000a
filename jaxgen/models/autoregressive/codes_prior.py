"""A prior on the codes of a trained autoencoder (van den Oord et al., "Neural discrete representation learning", 2017,
section 3.2), whose draws that autoencoder decodes.

The codes of an example, row by row, are a text, and `jaxgen.models.autoregressive.charlm` is what models it.
`config.data.name` is the file that `--use=codes` writes, and the stage `decoder` the run that it is of.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.config_keys import StageKey
from jaxgen.errors import UserError
from jaxgen.families.autoregressive import Run
from jaxgen.models.autoregressive import charlm
from jaxgen.settings import autoregressive as settings
from jaxgen.types import GenerativeModel, Stage

KEYS = charlm.KEYS
STAGES = {'decoder': StageKey('the run that the codes are of, which decodes them', needs=('decode',))}


class CodesPrior(nn.Module):
  """x [B, *shape] in [0, levels) and the conditions -> logits f32[B, *shape, levels], each of the codes before it.

  Attributes:
    text: models the codes in row-major order.
  """

  text: charlm.CharLM

  def __call__(self, x: jax.Array, given: charlm.Given, train: bool) -> jax.Array:
    logits = self.text(x.reshape(len(x), -1), given, train)
    return logits.reshape(*x.shape, -1)

  def step(self, *args: Any) -> tuple[jax.Array, list[charlm.Kept]]:
    """See `jaxgen.models.autoregressive.charlm.CharLM.step`."""
    return self.text.step(*args)


def cached(network: CodesPrior) -> Callable[[Run, Any], tuple[Callable, Callable]]:
  """The predictor of `jaxgen.models.autoregressive.charlm`, for codes of any shape."""

  def predictor(run, given):
    predict, init_cache = charlm.cached(network.text)(run, given)

    def predict_code(x, entry, kept):
      return predict(x.reshape(len(x), -1), entry, kept)

    return predict_code, init_cache

  return predictor


def build(config: ConfigDict, stages: Mapping[str, Stage]) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are no codes of the decoder, or the heads do not share the width.
  """
  model, x, codes = config.model, fields.of(config)['x'], stages['decoder'].model.codes
  if x != codes:
    there = f'codes of shape {codes.shape}, {codes.levels} in all' if codes else 'no codes'
    raise UserError(
      f'{config.data.name} holds {x.kind} of shape {x.shape} and {x.levels} values, and the stage decoder '
      f'({stages["decoder"].workdir}) takes {there}; make the data by --mode=sample --use=codes of that run.'
    )
  if model.width % model.num_heads:
    raise UserError(
      f'config.model.width={model.width} must be a multiple of config.model.num_heads={model.num_heads}.'
    )
  text = charlm.CharLM(
    context=fields.size(x),
    levels=x.levels,
    width=model.width,
    num_layers=model.num_layers,
    num_heads=model.num_heads,
    look_back=model.look_back,
    dropout=model.dropout,
  )
  network = CodesPrior(text)
  return settings.assemble(config, network, cached(network))
