"""A small classifier trained on the data set at hand: its last hidden layer describes the data's images.

Where the Inception network means little (handwritten digits) or its weights are missing, distances between
features of such a classifier rank models by what matters in that data set; they say nothing across data sets.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from jax import lax

from jaxgen.errors import UserError
from jaxgen.nn import Conv
from jaxgen.types import Params

VERSION = 1  # raise it when the network or its training changes: caches are keyed by it
_PER_DISPATCH = 40  # training steps in one compiled loop


class Settings(NamedTuple):
  """How the classifier is built and trained.

  Attributes:
    width: channels of the first convolution; each halving of the image doubles them.
    features: the width of the last hidden layer, which is what is compared.
    steps: training steps; 0: 30 epochs of a small set, and 6 of one with more than 10,000 examples.
    batch_size: examples per step.
    learning_rate: the peak of Adam's, which falls to zero along a cosine.
    seed: of weights, order and shifts.
  """

  width: int = 16
  features: int = 64
  steps: int = 0
  batch_size: int = 128
  learning_rate: float = 2e-3
  seed: int = 0


class Classifier(nn.Module):
  """3x3 convolutions; the image is halved until a side has at most 4 pixels; two dense layers."""

  classes: int
  width: int
  features: int

  @nn.compact
  def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """f32[B, H, W, C] in [-1, 1] -> features f32[B, F], logits f32[B, classes]."""
    width = self.width
    x = nn.relu(Conv(width, (3, 3))(x))
    while min(x.shape[1:3]) > 4:
      width = min(2 * width, 4 * self.width)
      x = nn.relu(Conv(width, (3, 3), strides=(2, 2))(x))
    features = nn.relu(nn.Dense(self.features)(x.reshape(len(x), -1)))
    return features, nn.Dense(self.classes)(features)


class Trained(NamedTuple):
  """A trained classifier: its parameters and its accuracy on held-out data."""

  params: dict
  accuracy: float


def train(
  x: np.ndarray,
  labels: np.ndarray,
  test_x: np.ndarray,
  test_labels: np.ndarray,
  levels: int,
  classes: int,
  settings: Settings,
) -> Trained:
  """Trains on one split and tests on the other.

  Args:
    x: u8[N, H, W, C] in [0, levels).
    labels: i32[N].
    test_x: u8[M, H, W, C].
    test_labels: i32[M].
    levels: the number of values a pixel takes.
    classes: the number of labels.
    settings: see there.

  Raises:
    UserError: if there are no examples.
  """
  if not len(x) or not len(test_x):
    raise UserError('A classifier needs examples to train on and others to test it; this data set has none.')
  network = Classifier(classes, settings.width, settings.features)
  steps = settings.steps or len(x) * (30 if len(x) <= 10_000 else 6) // settings.batch_size
  rounds = -(-steps // _PER_DISPATCH)
  rng = jax.random.key(settings.seed)
  params = jax.jit(network.init)(rng, scaled(x[:1], levels))['params']
  state = params, _optimizer(settings, rounds).init(params)
  on_device = jnp.asarray(x), jnp.asarray(labels)
  for index in range(rounds):
    state = _train_round(network, settings, rounds, levels, state, *on_device, jax.random.fold_in(rng, index))
  predicted = [predict(network, state[0], part, levels)[1].argmax(-1) for part in _parts(test_x)]
  accuracy = float((np.concatenate(predicted) == np.asarray(test_labels)).mean())
  return Trained(jax.device_get(state[0]), accuracy)


@partial(jax.jit, static_argnums=(0, 3))
def predict(network: Classifier, params: Params, x: jax.Array, levels: int) -> tuple[jax.Array, jax.Array]:
  """u8[B, H, W, C] -> features f32[B, F], logits f32[B, classes]."""
  outputs: Any = network.apply({'params': params}, scaled(x, levels))
  return outputs


def scaled(x: jax.Array | np.ndarray, levels: int) -> jax.Array:
  """Pixels in [0, levels) -> f32 in [-1, 1]."""
  return jnp.asarray(x, jnp.float32) * (2 / (levels - 1)) - 1


def _optimizer(settings, rounds):
  return optax.adam(optax.cosine_decay_schedule(settings.learning_rate, rounds * _PER_DISPATCH))


@partial(jax.jit, static_argnums=(0, 1, 2, 3), donate_argnums=4)
def _train_round(network, settings, rounds, levels, state, x, labels, rng):
  tx = _optimizer(settings, rounds)

  def step(state, rng):
    params, opt = state
    chosen, shifted = jax.random.split(rng)
    places = jax.random.randint(chosen, (settings.batch_size,), 0, len(x))
    images = _shift(shifted, scaled(x[places], levels))

    def loss(params):
      _, logits = network.apply({'params': params}, images)
      return optax.softmax_cross_entropy_with_integer_labels(logits, labels[places]).mean()

    move, opt = tx.update(jax.grad(loss)(params), opt, params)
    return (optax.apply_updates(params, move), opt), None

  return lax.scan(step, state, jax.random.split(rng, _PER_DISPATCH))[0]


def _shift(rng, images):
  """The batch moved by up to a sixteenth of its size, at least a pixel where it has 16; edges are repeated."""
  reach = images.shape[1] // 16
  if not reach:
    return images
  padded = jnp.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode='edge')
  row, column = jax.random.randint(rng, (2,), 0, 2 * reach + 1)
  return lax.dynamic_slice(padded, (0, row, column, 0), images.shape)


def _parts(x, size=1000):
  return [x[i : i + size] for i in range(0, len(x), size)]
