"""NCSN's and NCSNv2's network: a RefineNet with dilated residual blocks (Song & Ermon 2019, appendix A; 2020, appendix
A)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen.computing import block
from jaxgen.config_keys import WIDTH, Key
from jaxgen.families.conditions import beside, flat
from jaxgen.nn import Conv
from jaxgen.nn.conditional_instance_norm import ConditionalInstanceNorm
from jaxgen.nn.pooling import max_around, mean_around, mean_pool
from jaxgen.settings import score as settings
from jaxgen.settings import score_slots
from jaxgen.types import GenerativeModel

KEYS = {
  'width': Key(128, int, 'channels of the first stage; the other three have twice as many', WIDTH),
  'normalized_by_level': Key(
    False, bool, 'whether every normalization depends on the noise level (NCSN) or none (NCSNv2)'
  ),
  **settings.KEYS,
}
SAMPLER, STAGES = settings.SAMPLER, settings.STAGES


class Stage(NamedTuple):
  """Two residual blocks: of so many times the width, at half the pixels or not, with dilated convolutions or not."""

  multiple: int
  halves: bool
  dilation: int


_STAGES = (Stage(1, False, 1), Stage(2, True, 1), Stage(2, False, 2), Stage(2, False, 4))
_WINDOW = 5  # pixels a side of a chained pooling


class ResidualBlock(nn.Module):
  """f32[B, H, W, C] -> f32[B, H', W', features]; the sides are halved, rounded up, or kept.

  Attributes:
    features: channels of the output.
    halves: whether the sides are halved.
    dilation: of the convolutions.
    projects: the skip is a convolution, as where a stage begins: of one pixel if the sides are halved, else as the
      others are.
  """

  features: int
  halves: bool
  dilation: int
  projects: bool

  @nn.compact
  def __call__(self, x: jax.Array, condition: jax.Array | None) -> jax.Array:
    """Runs the block; `condition` is f32[B, K] or nothing."""

    def conv(features, kernel=(3, 3)):
      return Conv(features, kernel, kernel_dilation=self.dilation)

    h = conv(x.shape[-1])(nn.elu(ConditionalInstanceNorm()(x, condition)))
    h = conv(self.features)(nn.elu(ConditionalInstanceNorm()(h, condition)))
    if self.halves:
      h, x = mean_pool(h), mean_pool(x)
    return h + (conv(self.features, (1, 1) if self.halves else (3, 3))(x) if self.projects else x)


class Refinement(nn.Module):
  """What stages of several resolutions say, at the first one's: list of f32[B, H, W, C] -> f32[B, H, W, features] (Lin
  et al., "RefineNet", 2017, section 3.2, with means in place of the largest values in NCSN).

  Attributes:
    features: channels of the output.
    units: residual units at the end.
    normalized: as in NCSN, normalization before each convolution and chained pooling by means; else, as in NCSNv2, no
      normalization and the largest values.
  """

  features: int
  units: int
  normalized: bool

  @nn.compact
  def __call__(self, stages: Sequence[jax.Array], condition: jax.Array | None) -> jax.Array:
    """Refines; `condition` is f32[B, K] or nothing."""

    def norm(h):
      return ConditionalInstanceNorm()(h, condition) if self.normalized else h

    def conv(h, features, use_bias=False):
      return Conv(features, (3, 3), use_bias=use_bias)(h)

    def residual_units(h, count):
      for _ in range(count):
        branch = h
        for _ in range(2):
          branch = conv(nn.elu(norm(branch)), h.shape[-1])
        h = h + branch
      return h

    adapted = [residual_units(h, 2) for h in stages]
    h = adapted[0]
    if len(stages) > 1:
      size = h.shape[1:3]
      h = sum(_resized(conv(norm(each), self.features, use_bias=True), size) for each in adapted)
    h = branch = nn.elu(h)
    for _ in range(2):
      around = mean_around if self.normalized else max_around
      branch = conv(around(norm(branch), _WINDOW), self.features)
      h = h + branch
    return residual_units(h, self.units)


class RefineNet(nn.Module):
  """x f32[B, H, W, C], sigma f32[B] and the conditions -> f32[B, H, W, C], of any height and width.

  Four stages, from the last of which four refinements lead back to the first. Conditions of the height and
  width of x lie behind its channels; all others choose the gains and biases of the normalizations, as the noise level
  does.

  Attributes:
    width: channels of the first stage.
    levels: of noise, whose index the normalizations depend on (NCSN, "score network conditioned on i"); for a sigma
      between two of them it is that of the nearer one, in ratio. Empty: on no level, and none in the refinements, as in
      NCSNv2, whose outputs divided by sigma are a score (`jaxgen.families.score.parameterizations.noise`, but for the
      sign).
  """

  width: int
  levels: tuple[float, ...] = ()

  @nn.compact
  def __call__(
    self, x: jax.Array, sigma: jax.Array, given: Mapping[str, jax.Array], train: bool
  ) -> jax.Array:
    """Runs the network; `given` is prepared."""
    del train
    inputs, others = beside(x, given)
    parts = [jax.nn.one_hot(nearest_level(sigma, self.levels), len(self.levels))] if self.levels else []
    parts += [flat(others)] if others else []
    condition: jax.Array | None = jnp.concatenate(parts, axis=-1) if parts else None
    h, found = Conv(self.width, (3, 3))(inputs), []
    for stage in _STAGES:
      for first in (True, False):
        changes = first and (stage.halves or stage.dilation > 1)
        features = stage.multiple * self.width
        layer = ResidualBlock(features, first and stage.halves, stage.dilation, changes)
        h = block(layer, h, condition)
      found.append(h)
    coarser: list[jax.Array] = []
    for index in reversed(range(len(_STAGES))):
      features = _STAGES[max(index - 1, 0)].multiple * self.width
      refinement = Refinement(features, 1 if index else 3, bool(self.levels))
      h = block(refinement, [found[index], *coarser], condition)
      coarser = [h]
    h = nn.elu(ConditionalInstanceNorm()(h, condition))
    return Conv(x.shape[-1], (3, 3))(h)


def nearest_level(sigma: jax.Array, levels: Sequence[float]) -> jax.Array:
  """The index of the level, of falling ones, that is nearest in ratio: f32[B] -> i32[B]."""
  falling = np.asarray(levels, np.float64)
  between = np.sqrt(falling[1:] * falling[:-1]).astype(np.float32)
  return (sigma[:, None] < between).sum(-1)


def build(config: ConfigDict, stages: settings.Stages = settings.NO_STAGES) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if a setting does not fit the data.
  """
  settings.images(config)
  model = config.model
  levels = tuple(score_slots.path(config).sigmas.tolist()) if model.normalized_by_level else ()
  return settings.assemble(config, RefineNet(model.width, levels), stages)


def _resized(h, size):
  return jax.image.resize(h, (h.shape[0], *size, h.shape[-1]), 'linear')
