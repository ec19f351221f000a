"""A prior on the codes of a trained autoencoder (van den Oord et al., "Neural discrete representation learning", 2017,
section 3.2), whose draws that autoencoder decodes.

The codes of an example, row by row, are a text, and `jaxgen.models.autoregressive.charlm` is what models it.
`config.data.name` is the file that `--use=codes` writes, and the stage `decoder` the run that it is of.

Of an autoencoder with several levels of codes there is a file for each, and a prior of each (Razavi et al., "Generating
diverse high-fidelity images with VQ-VAE-2", 2019, algorithm 2): p(top), and p(bottom | top) by `config.given=('top',)`.
Codes that are given are no sequence but a grid, of which every position sees its own place.
`jaxgen.models.autoregressive.lower_codes_prior` draws them too.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.config_keys import StageKey
from jaxgen.errors import UserError
from jaxgen.families.autoregressive import Run
from jaxgen.models.autoregressive import charlm
from jaxgen.nn import Conv
from jaxgen.nn.sequence import Kept
from jaxgen.settings import autoregressive as settings
from jaxgen.types import DataSpec, Field, GenerativeModel, Stage

KEYS = charlm.KEYS
STAGES = {'decoder': StageKey('the run that the codes are of, which decodes them', needs=('decode',))}


class CodesPrior(nn.Module):
  """x [B, *shape] in [0, levels) and the conditions -> logits f32[B, *shape, levels], each of the codes before it.

  Attributes:
    text: models the codes in row-major order.
    grid: their shape.
    above: the fields of other codes that are given, `(name, field)` of each.
  """

  text: charlm.CharLM
  grid: tuple[int, ...]
  above: tuple[tuple[str, Field], ...] = ()

  def setup(self) -> None:
    self.embeds = {name: nn.Embed(field.levels, self.text.width) for name, field in self.above}
    self.mixes = {name: Conv(self.text.width, (3,) * len(field.shape)) for name, field in self.above}

  def __call__(self, x: jax.Array, given: charlm.Given, train: bool) -> jax.Array:
    logits = self.text(x.reshape(len(x), -1), self._others(given), train, self.context(given))
    return logits.reshape(*x.shape, -1)

  def context(self, given: charlm.Given) -> jax.Array | None:
    """What each position sees of the codes that are given, f32[B, T, width]; None where there are none."""
    if not self.above or given is None:
      return None
    seen = [self._seen(name, given[name]) for name, _ in self.above]
    return jnp.stack(seen).sum(0).reshape(len(seen[0]), -1, self.text.width)

  def start(self, num: int) -> list[Kept]:
    """See `jaxgen.models.autoregressive.charlm.CharLM.start`."""
    return self.text.start(num)

  def step(
    self, seen: jax.Array, index: jax.Array, kept: list[Kept], given: charlm.Given, context: Any
  ) -> tuple[jax.Array, list[Kept]]:
    """See `jaxgen.models.autoregressive.charlm.CharLM.step`."""
    return self.text.step(seen, index, kept, self._others(given), context)

  def _seen(self, name, codes):
    """i32[B, *S] -> f32[B, *grid, width]: with their neighbours, each as often as the grid is finer."""
    h = self.mixes[name](self.embeds[name](codes))
    for axis, (size, coarse) in enumerate(zip(self.grid, codes.shape[1:], strict=True), 1):
      h = jnp.take(h, jnp.arange(size) * coarse // size, axis=axis)
    return h

  def _others(self, given):
    """The conditions that are no codes."""
    names = dict(self.above)
    return {name: value for name, value in (given or {}).items() if name not in names}


def cached(network: CodesPrior) -> Callable[[Run, Any], tuple[Callable, Callable]]:
  """The predictor of `jaxgen.models.autoregressive.charlm`, for codes of any shape."""

  def predictor(run, given):
    context = run(given, method='context')  # once for all positions

    def of_step(*args, method=None):
      return run(*args, *([context] if method == 'step' else []), method=method)

    predict, init_cache = charlm.cached(network.text)(of_step, given)

    def predict_code(x, entry, kept):
      return predict(x.reshape(len(x), -1), entry, kept)

    return predict_code, init_cache

  return predictor


def build(config: ConfigDict, stages: Mapping[str, Stage]) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are no codes of the decoder, or the heads do not share the width.
  """
  model, x = config.model, fields.of(config)['x']
  levels = levels_of(stages['decoder'])
  _check_level(config, levels, stages['decoder'].workdir)
  settings.check_heads(model)
  text = charlm.CharLM(
    context=fields.size(x),
    levels=x.levels,
    width=model.width,
    num_layers=model.num_layers,
    num_heads=model.num_heads,
    look_back=model.look_back,
    dropout=model.dropout,
  )
  above = tuple((name, field) for name, field in fields.given(config).items() if name in levels)
  network = CodesPrior(text, x.shape, above)
  return settings.assemble(config, network, cached(network))


def levels_of(decoder: Stage) -> DataSpec:
  """The fields of the codes that a run decodes, in the order in which they are drawn; a single one is called 'x'."""
  codes = decoder.model.codes
  return {'x': codes} if isinstance(codes, Field) else codes or {}


def _check_level(config, levels, workdir):
  """Sees to it that x is the first level that is no other field of the data, and that such fields are levels too."""
  spec = fields.of(config)
  own = next((name for name in levels if name == 'x' or name not in spec), '')
  for name, field in spec.items():
    expected = levels.get(own if name == 'x' else name)
    if field != expected and (name == 'x' or expected):
      there = f'codes of shape {expected.shape}, {expected.levels} in all' if expected else 'no codes'
      raise UserError(
        f'{config.data.name} holds {field.kind} of shape {field.shape} and {field.levels} values, and the stage '
        f'decoder ({workdir}) takes {there}; make the data by --mode=sample --use=codes of that run.'
      )
