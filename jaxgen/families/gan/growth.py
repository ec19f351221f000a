"""Games of growing resolution: one model for each phase of a training, and the step says which is played."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from jaxgen.types import Extra, GenerativeModel, Update

PLAYERS = ('generator', 'discriminator')


class Growth(NamedTuple):
  """When images grow (Karras et al., "Progressive growing of GANs", 2018, section 2 and figure 2).

  The phase is one number, the level: at 0 images are of the lowest resolution, at 1 of twice that; at 0.3 they are
  those of level 1 and, enlarged, of level 0 in parts of 0.3 and 0.7.

  Attributes:
    levels: how many resolutions there are.
    stable: steps at each of them.
    fade: steps from each to the next.
  """

  levels: int
  stable: int
  fade: int

  @property
  def steps(self) -> int:
    """Those before the highest resolution."""
    return (self.levels - 1) * (self.stable + self.fade)

  def level(self, step: jax.Array) -> jax.Array:
    """Of `step` i32[], f32[]."""
    reached, within = jnp.divmod(step, self.stable + self.fade)
    part = jnp.maximum(within - self.stable, 0) / self.fade
    return jnp.minimum(reached + part, self.levels - 1).astype(jnp.float32)


def growing(models: Sequence[GenerativeModel], growth: Growth) -> GenerativeModel:
  """The model that trains by `models[index]` at levels in (index - 1, index].

  All of its parameters are there from the first step on; an optimizer of Adam's kind leaves those alone that no step
  has reached. Its moments begin anew with every resolution, as in the authors' release: otherwise the first steps of
  new layers, whose second moments are 0 after all that time, would be `1 / sqrt(1 - b2)` times as long. A network
  finds the level among its variables, as `level` in the collection 'growth': the step writes it there, and so
  evaluation and samples are of the last phase that was reached, and a resumed run is in its own.

  Args:
    models: of the same networks, one for each level. The last one makes the variables of all.
    growth: how the level follows from the step.
  """
  last = models[-1]

  def apply(state, rng, batch):
    level = growth.level(state.step)
    begins = (state.step > 0) & (_index(level) > _index(growth.level(state.step - 1)))
    state = state._replace(extra=_placed(state.extra, level), opt=_restarted(state.opt, begins))
    return lax.switch(_index(level), [model.update.apply for model in models], state, rng, batch)

  def of_phase(name: str) -> Callable[..., Any]:
    def function(params, extra, *args, **settings):
      functions = (partial(getattr(model, name), **settings) for model in models)
      branches = [partial(_called, function, args) for function in functions]
      return lax.switch(_index(level_of(extra)), branches, params, extra)

    return function

  return last._replace(
    update=Update(last.update.init, apply),
    evaluate=of_phase('evaluate'),
    sample=of_phase('sample'),
    decode=of_phase('decode'),
    objective=f'{last.objective}; images grow until step {growth.steps:,}',
    standing=None,
  )


def level_of(extra: Extra) -> jax.Array:
  """The level of the last step, f32[]."""
  return extra['discriminator']['growth']['level']


def seen_at(index: int, levels: int, extra: Extra, x: jax.Array) -> jax.Array:
  """Images f32[B, H, W, C] with as much detail as they have in the phase `index`; each pixel of theirs is repeated."""
  size = 2 ** (levels - 1 - index)
  fine = averaged(x, size)
  if not index:
    return fine
  return faded(level_of(extra), index, fine, averaged(x, 2 * size))


def faded(level: jax.Array, index: int, fine: jax.Array, coarse: jax.Array) -> jax.Array:
  """What is of level `index` and of the one before, in their parts; of one shape."""
  part = (level - (index - 1)).astype(fine.dtype)
  return part * fine + (1 - part) * coarse  # of 1, exactly the fine one


def averaged(x: jax.Array, size: int) -> jax.Array:
  """Each block of `size` x `size` pixels in one color, its mean."""
  return repeated(pooled(x, size), size)


def pooled(x: jax.Array, size: int) -> jax.Array:
  """The means of blocks, f32[B, H, W, C] -> f32[B, H / size, W / size, C]."""
  batch, height, width, channels = x.shape
  return x.reshape(batch, height // size, size, width // size, size, channels).mean((2, 4))


def repeated(x: jax.Array, size: int) -> jax.Array:
  """Every pixel a block, f32[B, H, W, C] -> f32[B, size H, size W, C]."""
  return x.repeat(size, 1).repeat(size, 2)


def _called(function, args, params, extra):
  return function(params, extra, *args)


def _index(level):
  return jnp.ceil(level).astype(jnp.int32)


def _restarted(opt, begins):
  """With Adam's moments and their count at 0 where a resolution begins; schedules go on."""

  def is_adam(part):
    return isinstance(part, optax.ScaleByAdamState)

  def anew(part):
    return jax.tree.map(lambda leaf: leaf * ~begins, part) if is_adam(part) else part

  return jax.tree.map(anew, opt, is_leaf=is_adam)


def _placed(extra, level):
  return {**extra, **{name: {**extra[name], 'growth': {'level': level}} for name in PLAYERS}}
