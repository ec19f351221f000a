"""Pictures from a model: grids, reconstructions, interpolations, and the stages that a sample goes through."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxgen import data, experiment, files, keys
from jaxgen.config_keys import KEYS
from jaxgen.errors import UserError
from jaxgen.runs import workdir as workdirs
from jaxgen.show import pictures
from jaxgen.types import Conditioned, DataSpec, GenerativeModel


def sampler(model: GenerativeModel, num: int, seed: int = 0):
  """A function `(params, extra, label=None) -> x[num, ...]`, compiled once, from the same latents each time."""
  draw = jax.jit(model.sample, static_argnums=3)
  rng = keys.of(seed, 'samples')
  return lambda params, extra, label=None: np.asarray(draw(params, extra, rng, num, label))


def reconstructor(model: GenerativeModel, seed: int = 0):
  """A function `(params, extra, batch) -> x`, compiled once: `decode(encode(batch))`.

  It raises a `ValueError` if the model cannot do both.
  """
  rng = keys.of(seed, 'reconstruction')

  @jax.jit
  def reconstruct(params, extra, batch):
    if model.encode is None or model.decode is None:
      raise ValueError('this model reconstructs nothing: it lacks `encode` or `decode`.')
    return model.decode(params, extra, model.encode(params, extra, rng, batch))

  return reconstruct


def side_by_side(originals: np.ndarray, reconstructions: np.ndarray, spec: DataSpec) -> np.ndarray:
  """Originals with their reconstructions beneath, eight pairs a row; uint8[height, width, 3]."""
  columns = 8
  count = len(originals) // columns * columns or len(originals)
  columns = min(columns, count)
  pairs = np.stack([np.asarray(originals[:count]), np.asarray(reconstructions[:count])])
  pairs = pairs.reshape(2, -1, columns, *spec.shape).swapaxes(0, 1)
  return pictures.picture(pairs.reshape(-1, *spec.shape), spec, columns)


def interpolate(first, second, num: int):
  """`num` points on the way from one pytree of latents, `[B, ...]`, to another: leaves `[num * B, ...]`.

  The way of latents is that of White, "Sampling generative networks" (2016): along the sphere, since Gaussian latents
  of many dimensions lie near one and the straight line leaves it. A condition is a point of the simplex and goes in a
  straight line; where both ends have the same, it stays.
  """
  if isinstance(first, Conditioned):
    latents = _along_the_sphere(first.latents, second.latents, num)
    return Conditioned(latents, _straight(first.condition, second.condition, num))
  return _along_the_sphere(first, second, num)


def _straight(first, second, num):
  return jnp.concatenate([first + t * (second - first) for t in np.linspace(0, 1, num)])


def _along_the_sphere(first, second, num):
  flat = lambda tree: jnp.concatenate([leaf.reshape(len(leaf), -1) for leaf in jax.tree.leaves(tree)], -1)  # noqa: E731
  a, b = flat(first), flat(second)
  cosine = jnp.sum(a * b, -1) / jnp.maximum(jnp.linalg.norm(a, axis=-1) * jnp.linalg.norm(b, axis=-1), 1e-12)
  angle = jnp.arccos(jnp.clip(cosine, -1 + 1e-6, 1 - 1e-6))

  def between(leaf_a, leaf_b):
    shape = (-1,) + (1,) * (leaf_a.ndim - 1)
    at = [
      leaf_a * (jnp.sin((1 - t) * angle) / jnp.sin(angle)).reshape(shape)
      + leaf_b * (jnp.sin(t * angle) / jnp.sin(angle)).reshape(shape)
      for t in np.linspace(0, 1, num)
    ]
    return jnp.concatenate(at)

  return jax.tree.map(between, first, second)


def sample(
  workdir: Path, config: ConfigDict | None = None, num: int | None = None, step: str | int = 'newest'
) -> Mapping[str, Path]:
  """Samples from a checkpoint of a run, with averaged weights where there are any.

  Writes to `<workdir>/sampled/`: `samples.png` and `samples.npz`, which holds `x`, `step`, `levels` and, of a model
  with classes, the `label` of each, every class in turn; `interpolation.png` where the model can encode and
  decode; `trajectory.gif` where a sample has stages.

  Args:
    workdir: of the run; its data set is needed for the interpolation alone.
    config: where given, it must be that of the run.
    num: how many; by default `num_samples` of the config.
    step: of the checkpoint: 'newest', 'best' (by validation) or a number.

  Returns:
    What was written, `{name: path}`.

  Raises:
    UserError: if the workdir holds no such checkpoint.
  """
  workdirs.check_links(workdir)
  trained = experiment.load(workdir, config, step)
  num = trained.config.num_samples if num is None else num
  if not KEYS['num_samples'].allows(num):
    raise UserError(f'--num={num} samples cannot be drawn; it must be {KEYS["num_samples"].words()}.')
  spec, weights = experiment.spec(trained.config), list(trained.weights().values())[-1]
  folder = Path(workdir) / 'sampled'
  written = {}

  label: dict[str, Any] = (
    {'label': np.arange(num, dtype=np.int32) % spec.classes} if trained.model.given else {}
  )
  x = sampler(trained.model, num, trained.config.seed)(*weights, **label)
  written['samples'] = folder / 'samples.png'
  pictures.save_png(pictures.picture(x, spec), written['samples'])
  written['array'] = folder / 'samples.npz'
  with files.replacing(written['array']) as part, open(part, 'wb') as file:
    np.savez_compressed(file, x=x, **label, step=int(trained.state.step), levels=spec.levels)

  if trained.model.encode and trained.model.decode and len(spec.shape) == 3:
    written['interpolation'] = folder / 'interpolation.png'
    pictures.save_png(_interpolation(trained, weights, spec), written['interpolation'])
  if trained.model.trajectory:
    written['trajectory'] = folder / 'trajectory.gif'
    stages = jax.jit(trained.model.trajectory, static_argnums=3)(
      *weights, keys.of(trained.config.seed, 'trajectory'), min(num, 16)
    )
    pictures.save_gif([pictures.picture(stage, spec) for stage in np.asarray(stages)], written['trajectory'])
  for name, path in written.items():
    print(f'{name:14} {path}')
  return written


def _interpolation(trained, weights, spec, pairs=8, stages=10):
  """A row per pair of held-out examples, whose first and last pictures are their reconstructions."""
  source = data.load(trained.config.data, data.monitored_split(trained.config.data))
  batch = source.examples(np.arange(2 * pairs) % len(source))
  rng = keys.of(trained.config.seed, 'interpolation')
  latents = jax.jit(trained.model.encode)(*weights, rng, batch)
  ends = [
    jax.tree.map(lambda leaf, part=part: leaf[part * pairs : (part + 1) * pairs], latents) for part in (0, 1)
  ]
  between = jax.jit(interpolate, static_argnums=2)(*ends, stages)
  x = jax.jit(trained.model.decode)(*weights, between)
  x = np.asarray(x).reshape(stages, pairs, *spec.shape).swapaxes(0, 1)
  return pictures.picture(x.reshape(-1, *spec.shape), spec, columns=stages)
