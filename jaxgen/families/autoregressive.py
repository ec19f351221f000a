"""Autoregressive models: a network whose outputs look only backwards makes a `GenerativeModel`."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from jaxgen.families.labels import condition, condition_to_sample, given_by
from jaxgen.losses.autoregressive import categorical_nll
from jaxgen.metrics.bits_per_dim import bits_per_dim
from jaxgen.samplers.ancestral import ancestral
from jaxgen.samplers.run import run
from jaxgen.types import DATA_AXIS, Estimate, GenerativeModel
from jaxgen.updates import chain, ema, minimize


def autoregressive(
  network: nn.Module,
  *,
  tx: optax.GradientTransformation,
  ema_decay: float,
  shape: tuple[int, ...],
  levels: int,
  classes: int = 0,
  predictor: Callable | None = None,
) -> GenerativeModel:
  """p(x) = prod_i p(x_i | x_1, ..., x_{i-1}), each factor categorical over the levels.

  van den Oord et al., "Pixel recurrent neural networks" (2016), equations 1 and 2. `log_prob` is exact;
  with classes it is log p(x|label).

  Args:
    network: `(x [B, *shape], condition, train) -> logits f32[B, *shape, levels]`, where the logits of an entry depend
      only on entries before it in row-major order; the condition is f32[B, classes], or None; `train`
      switches dropout on (key 'dropout').
    tx: the optimizer.
    ema_decay: of the averaged weights.
    shape: of one example.
    levels: the number of values an entry takes, at least 2.
    classes: the number of labels to condition on, 0 for none.
    predictor: `(params of the network, condition) -> (predict, init_cache)`, the two arguments of `ancestral`; by
      default the whole network runs once per entry.

  Returns:
    A `GenerativeModel` with params 'network' and an empty `extra`.

  Raises:
    ValueError: if the data is continuous.
  """
  if levels < 2:
    raise ValueError(
      'a categorical autoregressive model needs data of at least 2 levels, not continuous data.'
    )
  dims = math.prod(shape)
  predictor = predictor or whole_network(network)

  def init(rng, batch):
    del batch
    given = jnp.zeros((1, classes)) if classes else None
    return {'network': network.init(rng, jnp.zeros((1, *shape), jnp.int32), given, False)['params']}, {}

  def terms(params, batch, train, **rngs):
    given = condition(batch, classes)
    logits: Any = network.apply({'params': params['network']}, batch['x'], given, train, **rngs)
    nll = categorical_nll(logits, batch['x'])
    return {'loss': nll, 'bits_per_dim': bits_per_dim(dims * math.log(levels) - nll, shape, levels)}

  def loss(params, extra, rng, batch):
    metrics = terms(params, batch, True, rngs={'dropout': rng})
    return metrics['loss'].mean(), (extra, metrics)

  def evaluate(params, extra, rng, batch):
    del extra, rng
    return terms(params, batch, False)

  def log_prob(params, extra, rng, batch):
    del extra, rng
    return dims * math.log(levels) - terms(params, batch, False)['loss']

  def sample(params, extra, rng, num, label=None):
    del extra
    chain_rng, label_rng = jax.random.split(rng)
    given = condition_to_sample(label_rng, num, label, classes)
    sampler = ancestral(*predictor(params['network'], given))
    state, _ = run(sampler, chain_rng, jnp.zeros((num, *shape), jnp.int32), dims)
    return state.position.astype(jnp.uint8)

  def trajectory(params, extra, rng, num):
    """What is filled is never touched again, so the last image holds all the stages."""
    x = sample(params, extra, rng, num)
    filled = jnp.linspace(0, dims, min(dims, 64) + 1).round()  # [T]
    place = jnp.arange(dims).reshape(shape)
    return jax.vmap(lambda count: jnp.where(place < count, x, 0))(filled)

  return GenerativeModel(
    init=init,
    update=chain(minimize(loss, tx, axis_name=DATA_AXIS), ema(ema_decay)),
    evaluate=evaluate,
    sample=sample,
    objective=f'loss = -sum_i log p(x_i | x_<i), categorical over {levels} levels',
    given=given_by(classes),
    selected_by='bits_per_dim',
    log_prob=log_prob,
    log_prob_estimate=Estimate('exact', given=given_by(classes)),
    trajectory=trajectory,
  )


def whole_network(network: nn.Module) -> Callable:
  """The predictor of any network: all the logits at every step, of which one entry is used."""

  def predictor(params, given):
    def predict(x, index, cache):
      logits: Any = network.apply({'params': params}, x, given, False)
      flat = logits.reshape(x.shape[0], -1, logits.shape[-1])
      return flat[:, index], cache

    return predict, lambda x: ()

  return predictor
