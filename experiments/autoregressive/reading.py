"""What a model of text takes for a split that it reads from beginning to end, as a compressor does.

Windows that begin without a past hide from a model what a compressor sees. Here a window begins half a window earlier
than what is counted of it, and a model may go on learning from what it has read: dynamic evaluation (Krause et al.,
"Dynamic evaluation of neural sequence models", 2018). The sum is a code length, a prequential one (Dawid 1984): what is
counted has been learned from only afterwards, so that a reader with the same weights could follow.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from experiments.autoregressive.compressors import split_of
from experiments.autoregressive.reached import per_character
from jaxgen import config_files, data, experiment
from jaxgen.types import GenerativeModel, Params
from jaxgen.versions import versions

RATES = 1e-4, 3e-4, 1e-3  # of learning while reading; the best on the validation split is taken
_AT_ONCE = 4  # windows, between two steps of learning


def reading(name: str, workdir: Path) -> dict[str, Any]:
  """Bits per character of the test split by a run's averaged weights: in windows with a past, and learning."""
  trained = experiment.load(workdir, config_files.load(name))
  chosen = {
    rate: bits_per_character(trained, data.monitored_split(trained.config.data), rate) for rate in RATES
  }
  rate = min(chosen, key=lambda each: chosen[each])
  return {
    'config': name,
    'with_a_past': bits_per_character(trained, 'test'),
    'learning': bits_per_character(trained, 'test', rate),
    'rate': rate,
    'validation': {f'{each:g}': bits for each, bits in chosen.items()},
    'versions': dict(versions()),
  }


def bits_per_character(trained: experiment.Trained, split: str, rate: float = 0.0) -> float:
  """Of a split that is read once; at a `rate` above 0 the model learns from what it has read."""
  source = data.load(trained.config.data, split)
  tokens = source.examples(np.arange(len(source)))['x'].reshape(-1)
  params, extra = list(trained.weights().values())[-1]
  nats = code_length(trained.model, params, extra, tokens, trained.config.data.context, rate)
  return per_character(nats, 1, len(split_of(trained.config, split).text))


def code_length(
  model: GenerativeModel, params: Params, extra: Any, tokens: np.ndarray, context: int, rate: float = 0.0
) -> float:
  """Minus the log-mass of tokens i[N], N >= `context`, in nats, each given at least half a window before it."""
  optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rate, b2=0.99))

  def negative_log_mass(params, x):
    entries = -model.entry_log_mass(params, extra, {'x': x})
    return entries.mean(), entries

  @jax.jit
  def read(params, opt_state, x, counted):
    if not rate:
      return params, opt_state, (negative_log_mass(params, x)[1] * counted).sum()
    gradient, entries = jax.grad(negative_log_mass, has_aux=True)(params, x)
    updates, opt_state = optimizer.update(gradient, opt_state, params)
    return optax.apply_updates(params, updates), opt_state, (entries * counted).sum()

  total, opt_state = 0.0, optimizer.init(params)
  for x, counted in windows(tokens, context):
    params, opt_state, nats = read(params, opt_state, x, counted)
    total += float(nats)
  return total


def windows(tokens: np.ndarray, context: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
  """Batches of windows i[B, context] that overlap by half, and which of their tokens count, f32[B, context]: each token
  of the text once. The last batch is filled up by windows of which nothing does."""
  ends = np.append(np.arange(context, len(tokens), context - context // 2), len(tokens))
  first = np.append(0, ends[:-1])  # that counts in each
  places = ends[:, None] - context + np.arange(context)
  counted = (places >= first[:, None]).astype(np.float32)
  missing = -len(ends) % _AT_ONCE
  places = np.concatenate([places, np.repeat(places[-1:], missing, 0)])
  counted = np.concatenate([counted, np.zeros((missing, context), np.float32)])
  for start in range(0, len(places), _AT_ONCE):
    yield tokens[places[start : start + _AT_ONCE]], counted[start : start + _AT_ONCE]
