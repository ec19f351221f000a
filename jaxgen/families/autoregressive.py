"""Autoregressive models: a network whose outputs look only backwards makes a `GenerativeModel`."""

from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import jax.numpy as jnp
import optax
from flax import linen as nn

from jaxgen import fields
from jaxgen.families import conditions, drawing, padding
from jaxgen.families.distributions import Distribution, categorical
from jaxgen.families.networks import Apply, Part, assembled
from jaxgen.families.orders import Order, raster
from jaxgen.losses.autoregressive import log_density
from jaxgen.metrics.bits_per_dim import bits_per_dim
from jaxgen.types import DATA_AXIS, DataSpec, Estimate, Field, GenerativeModel
from jaxgen.updates import chain, ema, minimize


class Run(Protocol):
  """The trained network."""

  def __call__(self, *args: Any, method: str | None = None) -> Any:
    """Its outputs, or those of a method, outside of training."""
    ...


# `(run, given) -> (predict, init_cache)`, the first two arguments of `jaxgen.samplers.ancestral`
Predictor = Callable[[Run, Any], tuple[Callable, Callable]]


def whole_network(run: Run, given: Any) -> tuple[Callable, Callable]:
  """The predictor of any network: all the outputs at every step, of which those of one entry are used."""

  def predict(x, entry, cache):
    outputs = run(x, given)
    return outputs.reshape(x.shape[0], -1, outputs.shape[-1])[:, entry], cache

  return predict, lambda x: ()


def token_by_token(levels: int) -> Predictor:
  """The predictor of a network that reads one token after the other and keeps what it knows of those before.

  It has the methods `start(x [B, T], given) -> kept` and `step(before i32[B], index i32[], kept, given) -> (outputs
  f32[B, L], kept)`, for the position `index` and the token before it; `levels`, which is none, stands before the first.
  """

  def predictor(run, given):
    def predict(x, entry, kept):
      before = jnp.where(entry > 0, x[:, entry - 1], levels)
      return run(before, entry, kept, given, method='step')

    return predict, lambda x: run(x, given, method='start')

  return predictor


class AutoregressiveModel(NamedTuple):
  """The slots of `autoregressive`, and the way to its network."""

  apply: Apply
  distribution: Distribution
  order: Order
  predictor: Predictor
  x: Field
  given: DataSpec
  padded: bool = False
  end: int | None = None
  goes_on: bool = False


def autoregressive(
  network: nn.Module,
  *,
  tx: optax.GradientTransformation,
  ema_decay: float,
  x: Field,
  given: DataSpec = MappingProxyType({}),
  distribution: Distribution | None = None,
  order: Order | None = None,
  predictor: Predictor = whole_network,
  padded: bool = False,
  end: int | None = None,
  goes_on: bool = False,
) -> GenerativeModel:
  """p(x) = prod_i p(x_i | x_1, ..., x_{i-1}), in the order of the entries.

  van den Oord et al., "Pixel recurrent neural networks" (2016), equations 1 and 2. `log_prob` is exact;
  with conditions it is log p(x | given).

  Args:
    network: `(x [B, *shape], given, train) -> f32[B, *shape, num_outputs]`, where the outputs for an entry depend
      only on entries before it in the order; `given` is what `jaxgen.families.conditions.prepared` makes.
    tx: the optimizer.
    ema_decay: of the averaged weights.
    x: what is modelled, discrete data.
    given: the fields that are conditions.
    distribution: what the outputs mean; by default logits over the levels.
    order: of the entries, which the network and the predictor keep to; row-major by default.
    predictor: how an entry is predicted while sampling; by default the whole network runs once per entry.
    padded: whether sequences are of different lengths, and batches say by the mask `jaxgen.fields.OBSERVED` which
      entries there are. The others count nowhere, `log_prob` is the log-mass of these, and bits are per token of a
      whole split, see `jaxgen.families.padding`.
    end: the token that ends such a sequence; what is drawn is filled up by it. None: nothing ends early.
    goes_on: whether network and predictor take sequences of any length, in row-major order. Then the knob `length` of
      `sample` and `complete` says how many entries are drawn; under one key the first of them are the same.

  Returns:
    A `GenerativeModel` with params 'network'. `sample`, `complete` and `trajectory` have the knobs of each entry's
    distribution. `complete` draws entry after entry and leaves what is observed as it is: exactly a draw
    of what is missing where what is observed comes first in the order, and else one that does not know what is
    observed later on. Under the key of a sample whose beginning is observed it gives that sample.

  Raises:
    ValueError: if the data is continuous.
  """
  distribution, order = distribution or categorical(x.levels), order or raster(fields.size(x))
  start, apply = assembled(
    {'network': Part(network, lambda: (jnp.zeros((1, *x.shape), jnp.int32), conditions.blank(given)))}
  )
  model = AutoregressiveModel(apply, distribution, order, predictor, x, given, padded, end, goes_on)
  knobs = {**distribution.knobs, **({'length': x.shape[0]} if goes_on else {})}
  return GenerativeModel(
    init=lambda rng, batch: start(rng),
    update=chain(minimize(partial(_loss, model), tx, axis_name=DATA_AXIS), ema(ema_decay)),
    evaluate=partial(_evaluate, model),
    sample=partial(drawing.sample, model),
    objective=f'loss = -sum_i log p(x_i | x_<i), {distribution.name}',
    given=tuple(given),
    knobs=knobs,
    meanings={'length': f'entries of a sample, of which training has seen {x.shape[0]} together'}
    if goes_on
    else {},
    completion_knobs=tuple(knobs),
    selected_by='bits_per_dim',
    log_prob=partial(_log_prob, model),
    log_prob_estimate=Estimate('exact', given=tuple(given)),
    entry_log_mass=partial(_entry_log_mass, model) if x.kind == 'audio' or len(x.shape) == 1 else None,
    complete=partial(drawing.complete, model),
    streams=len(x.shape) == 1,
    trajectory=partial(drawing.trajectory, model),
    summary=padding.summary if padded else None,
  )


def _terms(model, params, extra, batch, train=False, rng=None):
  apply = partial(model.apply, 'network', params, extra, train=train, rng=rng)
  outputs, extra = apply(batch['x'], conditions.prepared(batch, model.given))
  if model.padded:
    observed = padding.observed(batch, model.end)
    nll, tokens = model.distribution.nll(outputs, batch['x'], observed), padding.count(observed)
    bits = padding.bits_of_batch(nll, tokens)
    return {'loss': nll, padding.TOKENS: tokens, 'bits_per_dim': bits}, extra
  nll = model.distribution.nll(outputs, batch['x'])
  density = log_density(nll, fields.size(model.x), model.x.levels)
  return {'loss': nll, 'bits_per_dim': bits_per_dim(density, model.x.shape, model.x.levels)}, extra


def _loss(model, params, extra, rng, batch):
  metrics, extra = _terms(model, params, extra, batch, train=True, rng=rng)
  if model.padded:
    bits = padding.bits_of_steps(metrics['loss'], metrics[padding.TOKENS])
    return metrics['loss'].mean(), (extra, {**metrics, 'bits_per_dim': bits})
  return metrics['loss'].mean(), (extra, metrics)


def _evaluate(model, params, extra, rng, batch):
  del rng
  return _terms(model, params, extra, batch)[0]


def _log_prob(model, params, extra, rng, batch):
  del rng
  terms = _terms(model, params, extra, batch)[0]
  if model.padded:
    return -terms['loss']
  return log_density(terms['loss'], fields.size(model.x), model.x.levels)


def _entry_log_mass(model, params, extra, batch):
  prepared = conditions.prepared(batch, model.given)
  outputs, _ = model.apply('network', params, extra, batch['x'], prepared, train=False)
  nll = model.distribution.nll(outputs.reshape(-1, 1, outputs.shape[-1]), batch['x'].reshape(-1, 1))
  log_mass = -nll.reshape(batch['x'].shape)
  return jnp.where(padding.observed(batch, model.end), log_mass, 0) if model.padded else log_mass
