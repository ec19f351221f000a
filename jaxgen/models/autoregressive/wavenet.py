"""WaveNet: sound sample by sample, by gated dilated causal convolutions.

van den Oord et al., "WaveNet: a generative model for raw audio" (2016). Samples are mu-law codes (section 2.2), which
the network reads as the companded values that they stand for. The distribution of the next one is a softmax over all
codes (section 2.2) or a discretized mixture of logistics (van den Oord et al., "Parallel WaveNet", 2017, section 2.1),
whose continuous mixture is a density of companded values: what a student can be distilled from.

Labels and vectors that are given are conditions of the whole sound; a given sequence of T' steps is one of each of its
T' equal parts (section 2.5). While sound is drawn, each layer keeps its last inputs in a queue (Paine et al., "Fast
WaveNet generation algorithm", 2016), so that a sample costs one position of the network, at any length.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from ml_collections import ConfigDict

from jaxgen import fields, mu_law
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.autoregressive import token_by_token
from jaxgen.families.conditions import flat
from jaxgen.families.distributions import Distribution, categorical
from jaxgen.families.logistic_mixtures import logistic_mixture, packed, unpacked
from jaxgen.losses.logistic_mixture import LogisticMixture
from jaxgen.nn.sequence import DilatedStack, Queue
from jaxgen.settings import autoregressive as settings
from jaxgen.types import Batch, DataSpec, Field, GenerativeModel

_LEAST_LOG_SCALE = -7.0  # of a logistic of companded values in 256 codes: a ninth of the width of a code

# `(levels, components) -> Distribution`, by `config.model.distribution`
DISTRIBUTIONS: dict[str, Callable[[int, int], Distribution]] = {
  'categorical': lambda levels, components: categorical(levels),
  'logistics': logistic_mixture,
}

KEYS = {
  'width': Key(32, int, 'of what goes through the layers', WIDTH),
  'skip_width': Key(64, int, 'of what all layers give to the head', WIDTH),
  'num_dilations': Key(8, int, 'layers of a cycle, whose dilations are 1, 2, 4, ...', '[1, 20]'),
  'num_cycles': Key(2, int, 'one upon the other', DEPTH),
  'kernel': Key(2, int, 'positions that a layer joins', '[2, 3]'),
  'distribution': Key('categorical', str, 'of a sample given those before it', choices=tuple(DISTRIBUTIONS)),
  'components': Key(5, int, 'of a mixture of logistics', '[1, 1024]'),
}


class Kept(NamedTuple):
  """The queues of the layers, and what is known of every position, f32[B, T, L], or None."""

  queues: list[Queue]
  local: jax.Array | None


class WaveNet(nn.Module):
  """Codes x [B, T, 1] in [0, levels) and the conditions -> f32[B, T, 1, L], at each of the samples before it.

  Attributes:
    levels: the number of codes.
    width: of what goes through the layers.
    skip_width: of what all layers give to the head.
    dilations: of the layers.
    kernel: positions that a layer joins.
    components: of a mixture of logistics; 0: the outputs are logits of the codes.
    local: the names of the conditions that are sequences.
  """

  levels: int
  width: int
  skip_width: int
  dilations: tuple[int, ...]
  kernel: int = 2
  components: int = 0
  local: tuple[str, ...] = ()

  def setup(self) -> None:
    outputs = 3 * self.components or self.levels
    self.stack = DilatedStack(outputs, self.width, self.skip_width, self.dilations, self.kernel)

  def __call__(self, x: jax.Array, given: Batch, train: bool) -> jax.Array:
    del train
    y = self._values(x).reshape(x.shape[:2])
    return self._outputs(self.of_values(y, given)).reshape(*x.shape, -1)

  def of_values(self, y: jax.Array, given: Batch) -> jax.Array:
    """Companded values f32[B, T], between codes too -> what the stack says of each, f32[B, T, L]."""
    told, local = divided(given, self.local)
    return self.stack(y[..., None], told, local)

  def mixture(self, y: jax.Array, given: Batch) -> LogisticMixture:
    """The density of each companded value given those before it, y f32[B, T]: f32[B, T, components] each."""
    return self._mixture(self.of_values(y, given))

  def start(self, x: jax.Array, given: Batch) -> Kept:
    """What is kept before the first sample of x [B, T, 1]."""
    _, local = divided(given, self.local)
    every = None if local is None else jnp.repeat(local, x.shape[1] // local.shape[1], axis=1)
    return Kept(self.stack.start(len(x)), every)

  def step(self, before: jax.Array, index: jax.Array, kept: Kept, given: Batch) -> tuple[jax.Array, Kept]:
    """The code before position `index`, [B] or [B, 1] -> its outputs f32[B, L], and what is kept."""
    told, _ = divided(given, self.local)
    here = None if kept.local is None else lax.dynamic_index_in_dim(kept.local, index, axis=1, keepdims=False)
    value = self._values(before).reshape(-1, 1)
    outputs, queues = self.stack.step(value, index, kept.queues, told, here)
    return self._outputs(outputs), Kept(queues, kept.local)

  def _values(self, x):
    """The companded values of codes; of `levels`, which is none and stands before the first, silence."""
    x = x.astype(jnp.int32)
    return jnp.where(x == self.levels, 0, mu_law.centres(x, self.levels))

  def _mixture(self, outputs):
    mixture = unpacked(outputs)
    least = _LEAST_LOG_SCALE + math.log(256 / self.levels)  # the same part of a code, however many there are
    log_scales = least + nn.softplus(mixture.log_scales - least)
    return mixture._replace(log_scales=log_scales)

  def _outputs(self, outputs):
    return packed(of_codes(self._mixture(outputs), self.levels)) if self.components else outputs


def divided(given: Batch, local: Sequence[str]) -> tuple[jax.Array | None, jax.Array | None]:
  """Prepared conditions: those of the whole sound, f32[B, K], and those of its parts, f32[B, S, L]; None without any.

  Args:
    given: all of them.
    local: the names of those that are sequences; S is the least common multiple of their lengths.
  """
  told = {name: value for name, value in given.items() if name not in local}
  parts = [given[name] for name in local]
  most = math.lcm(*(part.shape[1] for part in parts))
  alike = [jnp.repeat(part, most // part.shape[1], axis=1) for part in parts]
  return flat(told) if told else None, jnp.concatenate(alike, axis=-1) if alike else None


def of_codes(mixture: LogisticMixture, levels: int) -> LogisticMixture:
  """A density of companded values as that of codes, as `jaxgen.losses.logistic_mixture` has them.

  Code k is the part of [-1, 1] round y = (2k + 1) / levels - 1, and stands there at k / (levels - 1).
  """
  means = ((mixture.means + 1) * levels - 1) / (2 * (levels - 1))
  return mixture._replace(means=means, log_scales=mixture.log_scales + math.log(levels / (2 * (levels - 1))))


def network(config: ConfigDict) -> WaveNet:
  """That of a config.

  Raises:
    UserError: as of `build`.
  """
  model, x, given = config.model, settings.audio(config), fields.given(config)
  return WaveNet(
    levels=x.levels,
    width=model.width,
    skip_width=model.skip_width,
    dilations=tuple(2**n for n in range(model.num_dilations)) * model.num_cycles,
    kernel=model.kernel,
    components=model.components if model.distribution == 'logistics' else 0,
    local=local_conditions(given, x),
  )


def local_conditions(given: DataSpec, x: Field) -> tuple[str, ...]:
  """The names of the conditions that are sequences, once all can be followed.

  Raises:
    UserError: if one cannot.
  """
  for name, field in given.items():
    if field.kind not in ('label', 'vector', 'table', 'audio'):
      raise UserError(
        f'WaveNet follows labels, vectors and sequences of sound, and {name} is {field.kind} data; take it out of '
        'config.given.'
      )
    if field.kind == 'audio' and x.shape[0] % field.shape[0]:
      raise UserError(
        f'{name} has {field.shape[0]} steps, of which the {x.shape[0]} samples of sound (config.data.context) are no '
        'multiple; choose another context.'
      )
  return tuple(name for name, field in given.items() if field.kind == 'audio')


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data is no sound of one channel, or a condition can be followed neither as a whole nor in parts.
  """
  x, wavenet = settings.audio(config), network(config)
  distribution = DISTRIBUTIONS[config.model.distribution](x.levels, config.model.components)
  model = settings.assemble(config, wavenet, token_by_token(x.levels), distribution)
  seen = 1 + (wavenet.kernel - 1) * sum(wavenet.dilations)
  return model._replace(objective=f'{model.objective}, of the last {seen:,} samples')
