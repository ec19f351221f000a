"""Parallel WaveNet: inverse autoregressive flows that a trained WaveNet teaches, so that sound is drawn in one pass.

van den Oord et al., "Parallel WaveNet: fast high-fidelity speech synthesis" (2017). Logistic noise goes through flows
`x_t = z_t s(z_<t) + mu(z_<t)` in the order of time, each with its own stack of gated dilated causal convolutions
(section 3), and comes out as companded values. The stage `teacher` is a WaveNet whose distribution is a mixture of
logistics, of the same data and conditions. The loss is the divergence from it (section 4), with the power
and the contrastive term (section 4.1); the perceptual one needs a classifier of sound, and is left away.
"""

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields, optim
from jaxgen.bijectors import Autoregressive, transforms
from jaxgen.config_keys import DEPTH, WIDTH, Key, StageKey
from jaxgen.errors import UserError
from jaxgen.families.distilled import Teacher, Terms, distilled
from jaxgen.losses.logistic_mixture import LogisticMixture
from jaxgen.models.autoregressive import wavenet
from jaxgen.nn import Dense
from jaxgen.nn.sequence import DilatedStack
from jaxgen.settings import autoregressive as settings
from jaxgen.types import Batch, GenerativeModel, Stage

_BOUND = 3.0  # of the logarithm of a flow's scale, so that no flow overflows the next

KEYS = {
  'num_flows': Key(4, int, 'from the noise to the sound', DEPTH),
  'width': Key(32, int, 'of what goes through the layers of each', WIDTH),
  'skip_width': Key(32, int, 'of what all layers give to the head', WIDTH),
  'num_dilations': Key(8, int, 'layers of a cycle, whose dilations are 1, 2, 4, ...', '[1, 20]'),
  'num_cycles': Key(1, int, 'one upon the other, in each flow', DEPTH),
  'kernel': Key(2, int, 'positions that a layer joins', '[2, 3]'),
  'initial_scale': Key(0.1, float, 'of the noise that comes out of all flows at first', '(0, 1]'),
  'draws': Key(16, int, 'of each sample given those before, by which the loss is estimated', '[1, 4096]'),
  'power': Key(0.0, float, 'the weight of the power term; 0: none', '[0, inf)'),
  'frame': Key(256, int, 'samples of a spectrum of the power term', '[2, 65536]'),
  'hop': Key(64, int, 'samples between the beginnings of two spectra', '[1, 65536]'),
  'gamma': Key(0.0, float, 'the weight of the contrastive term, 0.3 in the paper; 0: none', '[0, 1)'),
}
STAGES = {'teacher': StageKey('the trained WaveNet that the student learns from', needs=('log_prob',))}


class Conditioner(nn.Module):
  """x f32[B, T] and the conditions -> f32[B, 2 T], locations and then scales of x_t by x_<t; zeros at first.

  Attributes:
    stack: reads x.
    local: the names of the conditions that are sequences.
  """

  stack: DilatedStack
  local: tuple[str, ...] = ()

  @nn.compact
  def __call__(self, x: jax.Array, given: Batch | None = None) -> jax.Array:
    told, local = wavenet.divided(given or {}, self.local)
    h = nn.relu(self.stack(x[..., None], told, local))
    both = Dense(2, kernel_init=nn.initializers.zeros_init())(h)
    return jnp.concatenate(jnp.moveaxis(both, -1, 0), axis=-1)


def build(config: ConfigDict, stages: Mapping[str, Stage]) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data is no sound of one channel, the teacher no WaveNet of mixtures of logistics of such data and
      conditions, or a term does not fit the data.
  """
  x, given, model = settings.audio(config), fields.given(config), config.model
  _check_terms(config)
  return distilled(
    flows(config),
    teacher=_teacher(config, stages['teacher']),
    tx=optim.make(config.optimizer, config.num_steps),
    ema_decay=config.ema_decay,
    x=x,
    given=given,
    terms=Terms(model.draws, model.power, model.frame, model.hop, model.gamma),
  )


def flows(config: ConfigDict) -> list[Autoregressive]:
  """From the noise to the sound; each begins as a scale alone, and all together as `initial_scale`."""
  model = config.model
  at_first = math.log(model.initial_scale) / model.num_flows
  bounded = transforms.bounded_log_scale(_BOUND)
  transform = transforms.location_scale(lambda s: at_first + bounded(s))
  local = wavenet.local_conditions(fields.given(config), fields.of(config)['x'])
  dilations = tuple(2**n for n in range(model.num_dilations)) * model.num_cycles

  def stack():
    return DilatedStack(model.skip_width, model.width, model.skip_width, dilations, model.kernel)

  return [Autoregressive(Conditioner(stack(), local), transform) for _ in range(model.num_flows)]


def _check_terms(config):
  model, length = config.model, fields.of(config)['x'].shape[0]
  if model.power and model.frame > length:
    raise UserError(
      f'config.model.frame={model.frame} is more than the {length} samples of an example (config.data.context); '
      'lower it, or leave the power term away by config.model.power=0.'
    )
  if model.gamma and not config.given:
    raise UserError(
      f'config.model.gamma={model.gamma:g} is of a term that compares conditions, and there are none; set it to 0, or '
      "name some: config.given=('pitch',), say."
    )


def _teacher(config, stage):
  """The frozen network.

  Raises:
    UserError: if it has no density, or its data or conditions are others.
  """
  theirs, whose = stage.config, f'the stage teacher ({stage.workdir})'
  if theirs.module != wavenet.__name__:
    raise UserError(f'{whose} is a run of {theirs.module}, and a student learns from a WaveNet; give one.')
  if theirs.model.distribution != 'logistics':
    raise UserError(
      f'{whose} has a softmax over its codes, which has no density between them; give a WaveNet that was trained with '
      '--config.model.distribution=logistics.'
    )
  for what, mine, its in _facts(config, theirs):
    if mine != its:
      raise UserError(
        f'{whose} is of {what} {its}, and this run of {mine}; a student and its teacher have the same data and '
        'conditions.'
      )
  network = wavenet.network(theirs)

  def mixtures(frozen: Any, y: jax.Array, given: Mapping[str, jax.Array]) -> LogisticMixture:
    variables = {'params': frozen['params'], **frozen['extra']}
    found: Any = network.apply(variables, y, given, method='mixture')
    return found

  extra = stage.extra.get('network', {})
  return Teacher({'params': stage.params['network'], 'extra': extra}, mixtures)


def _facts(config, theirs):
  """What must be alike: `(a name, of this run, of the teacher)` of each."""
  x, its = (fields.of(one)['x'] for one in (config, theirs))
  yield 'rate', f'{config.data.rate} Hz', f'{theirs.data.rate} Hz'
  yield 'kind', x.kind, its.kind
  yield 'context', x.shape, its.shape
  yield 'levels', x.levels, its.levels
  yield 'conditions', *(', '.join(sorted(one.given)) or 'none' for one in (config, theirs))
  for name in config.given:
    yield f'the condition {name},', *(fields.of(one)[name] for one in (config, theirs))
