"""A recurrent language model (Mikolov et al., "Recurrent neural network based language model", 2010), of LSTM cells
(Hochreiter & Schmidhuber 1997) or gated recurrent units (Cho et al. 2014).

Dropout lies between layers and not between positions (Zaremba et al., "Recurrent neural network regularization", 2014,
equation 4), and one table reads tokens and predicts them. While text is drawn, the states of the cells are kept, so
that a token costs one step, whatever came before it.
"""

import jax
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen.computing import block
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.families.autoregressive import token_by_token
from jaxgen.families.conditions import flat
from jaxgen.nn.sequence import GRU, LSTM, TiedEmbedding
from jaxgen.nn.sequence.recurrent import State
from jaxgen.settings import autoregressive as settings
from jaxgen.types import Batch, GenerativeModel

CELLS = {'lstm': LSTM, 'gru': GRU}

KEYS = {
  'cell': Key('lstm', str, 'what carries the state from one position to the next', choices=tuple(CELLS)),
  'width': Key(256, int, 'of embeddings and cells', WIDTH),
  'num_layers': Key(1, int, 'of cells, one upon the other', DEPTH),
  'dropout': Key(0.0, float, "the share of a layer's inputs that training leaves out", '[0, 1)'),
}

GAPS = True  # of sentences, which a mask says the ends of; see `jaxgen.experiment.build_model`


class RNNLM(nn.Module):
  """x [B, T] in [0, levels) and the conditions -> logits f32[B, T, levels], each of the tokens before it.

  Attributes:
    levels: the size of the vocabulary.
    cell: one of `CELLS`.
    width: of embeddings and cells.
    num_layers: of cells.
    dropout: of what goes into each layer, and out of the last.
  """

  levels: int
  cell: str
  width: int
  num_layers: int
  dropout: float = 0.0

  def setup(self) -> None:
    self.embedding = TiedEmbedding(self.levels, self.width)
    self.cells = [CELLS[self.cell](self.width) for _ in range(self.num_layers)]
    self.drop = nn.Dropout(self.dropout)

  def __call__(self, x: jax.Array, given: Batch, train: bool) -> jax.Array:
    h = self.embedding.before(x, flat(given) if given else None)
    for cell in self.cells:
      h = block(cell, self.drop(h, deterministic=not train))
    return self.embedding.logits(self.drop(h, deterministic=not train))

  def start(self, x: jax.Array, given: Batch) -> list[State]:
    """The states before the first token of x [B, T]."""
    del given
    return [cell.start(len(x)) for cell in self.cells]

  def step(
    self, before: jax.Array, index: jax.Array, states: list[State], given: Batch
  ) -> tuple[jax.Array, list[State]]:
    """The token before a position, i32[B], and the states -> its logits f32[B, levels], and the next states."""
    del index
    h, new = self.embedding(before[:, None], flat(given) if given else None)[:, 0], []
    for cell, state in zip(self.cells, states, strict=True):
      state, h = cell.step(state, h)
      new.append(state)
    return self.embedding.logits(h), new


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are no tokens.
  """
  model, x = config.model, settings.tokens(config)
  network = RNNLM(x.levels, model.cell, model.width, model.num_layers, model.dropout)
  return settings.assemble(config, network, token_by_token(x.levels), goes_on=True)
