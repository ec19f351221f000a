"""Classifiers of blurred data: what a score model that was trained without labels is guided by."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from jaxgen.families.networks import Part, assembled
from jaxgen.families.pixels import to_network
from jaxgen.families.score.path import Path
from jaxgen.types import DATA_AXIS, Field, GenerativeModel
from jaxgen.updates import chain, ema, minimize

_EVALUATED_LEVELS = 4


class Guide(NamedTuple):
  """A trained classifier.

  Attributes:
    log_prob: `(x f32[B, *shape], sigma f32[B]) -> f32[B, classes]`, in nats, of x blurred by sigma.
    label: the field that it tells.
  """

  log_prob: Callable[[jax.Array, jax.Array], jax.Array]
  label: Field


def classifier(
  network: nn.Module,
  *,
  path: Path,
  tx: optax.GradientTransformation,
  ema_decay: float,
  x: Field,
  label: Field,
  data_std: float = 0.5,
) -> GenerativeModel:
  """`log p(y | x + sigma e)` at all noises of a path, for guidance (Dhariwal & Nichol 2021, section 4).

  `loss = -log p(y | x + sigma e, sigma)`, at a level drawn for each example as a score model draws it. Evaluation adds
  the share of examples whose likeliest label is theirs, over all levels, and at a few single ones,
  `accuracy_sigma_<level>`: at the largest noise it is that of the most frequent label.

  Args:
    network: `(inputs f32[B, *shape], sigma f32[B], given, train) -> f32[B, classes]`, logits; `given` is empty, and
      inputs have a variance of about one.
    path: how data become noise; levels are drawn as in the training of a score.
    tx: the optimizer.
    ema_decay: of the averaged weights.
    x: what is classified.
    label: the field that is learned.
    data_std: of x as networks see it, over all entries.

  Returns:
    A `GenerativeModel` with params 'network', `class_log_prob` and `noise_range`, which draws nothing.
  """
  start, apply = assembled({'network': Part(network, lambda: (jnp.zeros((1, *x.shape)), jnp.ones(1), {}))})

  def log_probs(params, extra, noisy, sigma, train=False, rng=None):
    scale = jnp.sqrt(data_std**2 + sigma**2).reshape((-1,) + (1,) * (noisy.ndim - 1))
    logits, extra = apply('network', params, extra, noisy / scale, sigma, {}, train=train, rng=rng)
    return jax.nn.log_softmax(logits), extra

  def told(params, extra, rng, batch, sigma, train=False, dropout_rng=None):
    """The log-probability of the label, f32[B], whether it is the likeliest, and `extra`."""
    clean = to_network(batch['x'], x.levels)
    noise = jax.random.normal(rng, clean.shape)
    noisy = clean + sigma.reshape((-1,) + (1,) * (clean.ndim - 1)) * noise
    found, extra = log_probs(params, extra, noisy, sigma, train, dropout_rng)
    right = (found.argmax(-1) == batch['label']).astype(jnp.float32)
    return jnp.take_along_axis(found, batch['label'][:, None].astype(jnp.int32), 1)[:, 0], right, extra

  def loss(params, extra, rng, batch):
    level_rng, noise_rng, dropout_rng = jax.random.split(rng, 3)
    sigma = path.draw(level_rng, len(batch['x']))
    log_prob, right, extra = told(params, extra, noise_rng, batch, sigma, True, dropout_rng)
    return -log_prob.mean(), (extra, {'loss': -log_prob, 'accuracy': right})

  return GenerativeModel(
    init=lambda rng, batch: start(rng),
    update=chain(minimize(loss, tx, axis_name=DATA_AXIS), ema(ema_decay)),
    evaluate=partial(_evaluate, path, told),
    sample=None,
    objective=f'loss = -log p(label | x + sigma e, sigma), {path.description}',
    selected_by='loss',
    class_log_prob=lambda params, extra, noisy, sigma: log_probs(params, extra, noisy, sigma)[0],
    noise_range=(float(path.sigmas[0]), float(path.sigmas[-1])),
  )


def _evaluate(path, told, params, extra, rng, batch):
  level_rng, noise_rng = jax.random.split(rng)
  log_prob, right, _ = told(params, extra, noise_rng, batch, path.draw(level_rng, len(batch['x'])))
  shown = path.sigmas[np.linspace(0, len(path.sigmas) - 1, _EVALUATED_LEVELS).round().astype(int)]
  at = lambda level: told(params, extra, noise_rng, batch, jnp.full(len(batch['x']), level))[1]  # noqa: E731
  return {'loss': -log_prob, 'accuracy': right} | {
    f'accuracy_sigma_{level:.3g}': at(level) for level in shown
  }
