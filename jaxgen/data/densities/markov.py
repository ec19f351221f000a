"""Sequences of a Markov chain, whose entropy is a closed form: no model's code length is shorter.

Each state is followed by the others with probabilities that are drawn once for each number of states. A sequence begins
with the stationary distribution, so that every stretch of it is like every other. Cover & Thomas, "Elements of
information theory", 2nd edition (2006), section 4.2.
"""

import numpy as np
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.data.densities.density import generator
from jaxgen.data.images import check_none_resized
from jaxgen.data.order import APART
from jaxgen.data.source import Source, from_arrays
from jaxgen.errors import UserError
from jaxgen.types import Field

_MOST = 1024  # states
_CONCENTRATION = 0.3  # of the Dirichlet distribution of each row: few of the states follow often
_TOKENS = {'train': 2**21, 'validation': 2**18, 'test': 2**18}
_SEEDS = {'train': 0, 'validation': 1, 'test': 2}


def transitions(states: int) -> np.ndarray:
  """P f64[S, S], the probability of each state (column) after each (row): rows of a Dirichlet distribution."""
  drawn = (
    generator(states).gamma(_CONCENTRATION, size=(states, states)) + 1e-4
  )  # so that each state is reached
  return drawn / drawn.sum(1, keepdims=True)


def stationary(probabilities: np.ndarray) -> np.ndarray:
  """The distribution f64[S] that stays: m P = m, of P f64[S, S] from any of whose states any other is reached."""
  states = len(probabilities)
  equations = np.vstack([probabilities.T - np.eye(states), np.ones(states)])
  return np.linalg.lstsq(equations, np.eye(states + 1)[-1], rcond=None)[0]


def entropy_rate(probabilities: np.ndarray) -> float:
  """-sum_i m_i sum_j P_ij log P_ij, nats per token (Cover & Thomas, theorem 4.2.4)."""
  return float(stationary(probabilities) @ _entropy(probabilities))


def entropy(probabilities: np.ndarray, length: int) -> float:
  """Of a sequence, H(m) + (length - 1) times the rate, nats: the least expected code length of one."""
  return float(_entropy(stationary(probabilities))) + (length - 1) * entropy_rate(probabilities)


def drawn(probabilities: np.ndarray, seed: int, num: int, length: int) -> np.ndarray:
  """Independent sequences, i64[num, length], by inverse distribution functions; the same on every machine."""
  uniform = generator(seed).random((length, num))
  x = np.empty((num, length), np.int64)
  x[:, 0] = following(stationary(probabilities)[None], np.zeros(num, np.int64), uniform[0])
  for place in range(1, length):
    x[:, place] = following(probabilities, x[:, place - 1], uniform[place])
  return x


def following(probabilities: np.ndarray, before: np.ndarray, uniform: np.ndarray) -> np.ndarray:
  """The states i64[N] after those before, i64[N], whose probabilities are rows of P f64[R, S], by uniform draws f64[N].

  All rows stand one after the other as one distribution function, that of row r between r and r + 1, in which one
  search finds all of the draws.
  """
  num_rows, states = probabilities.shape
  rows = np.minimum(probabilities.cumsum(1), 1)
  rows[:, -1] = 1  # whatever the last sum is rounded to
  steps = (rows + np.arange(num_rows)[:, None]).reshape(-1)
  found = np.searchsorted(steps, before + uniform) - before * states
  return np.clip(found, 0, states - 1)  # a draw that is rounded to the end of a row stays in it


def load(config: ConfigDict, name: str, split: str) -> Source:
  """Some 2 million tokens to train on, 262,144 each to validate and to test, the same ones always: `markov:<states>`.

  Examples are sequences of `config.context` tokens, and the name of the source says the entropy rate, in bits.

  Raises:
    UserError: if the number of states is none, or `config.image_size` is set.
  """
  check_none_resized(config.image_size, config.name)
  if not name.isascii() or not name.isdigit() or not 2 <= int(name) <= _MOST:
    raise UserError(
      f'--config.data.name=markov:{name} names no number of states; write markov:<states>, with 2 to {_MOST:,}.'
    )
  probabilities, field = transitions(int(name)), Field('tokens', (config.context,), int(name))
  seed = APART + (int(name) << 64) + _SEEDS[split]
  x = drawn(probabilities, seed, max(1, _TOKENS[split] // config.context), config.context)
  title = f'{config.name} ({split}), {entropy_rate(probabilities) / np.log(2):.4f} bits a token'
  return from_arrays(title, {'x': field}, {'x': x.astype(fields.dtype(field))})


def _entropy(probabilities):
  """-sum p log p over the last axis, where nothing adds nothing."""
  return -(probabilities * np.log(np.where(probabilities > 0, probabilities, 1))).sum(-1)
