"""What a trained run has reached: on the test split, and over its training on the one that is held out."""

import math
from pathlib import Path
from typing import Any

import jax

from experiments.autoregressive.compressors import compressed, split_of
from jaxgen import config_files, data, evaluate, experiment
from jaxgen.evaluate import measure_run, reference_of
from jaxgen.runs import writers

_METRICS = ('bits_per_dim', 'negative_log_likelihood')
_IN_NATS = 'negative_log_likelihood'  # of binary data, as it is quoted


def reached(name: str, workdir: Path) -> dict[str, Any]:
  """The numbers of a run on the test split, and what they depend on."""
  trained = experiment.load(workdir, config_files.load(name))
  config = trained.config
  kind, levels = config.data.fields.x.kind, config.data.fields.x.levels
  config.evaluation.metrics = _METRICS[: 1 + (kind == 'tokens' or levels == 2)]
  records = {record.metric: record for record in measure_run(trained, reference_of(config), workdir)}
  row = {
    'seed': config.seed,
    'steps': int(trained.state.step),
    'batch_size': config.batch_size,
    'parameters': sum(leaf.size for leaf in jax.tree.leaves(trained.state.params)),
    'objective': trained.model.objective,
    'metrics': {metric: record.value for metric, record in records.items()},
    'errors': {metric: record.standard_error for metric, record in records.items()},
    'examples': records['bits_per_dim'].n_reference,
    'data': records['bits_per_dim'].data,
    'binary': levels == 2 and kind == 'image',
    'device': jax.devices()[0].device_kind,
    'versions': dict(records['bits_per_dim'].versions),
  }
  return row | (of_text(trained, workdir) if config.data.name.startswith('text:') else {})


def of_text(trained: experiment.Trained, workdir: Path) -> dict[str, Any]:
  """Bits per character: of the test split, over training, and of compressors on both splits."""
  config, sources = trained.config, {}
  for split in ('test', data.monitored_split(config.data)):
    part = split_of(config, split)
    sizes = compressed(part.train.encode(), part.text.encode(), len(part.text))
    sources[split] = {'characters': len(part.text), 'compressors': sizes}
  held_out = data.load(config.data, 'test')
  params, extra = list(trained.weights().values())[-1]
  loss = evaluate.evaluator(trained.model, held_out, config.batch_size, config.seed)(params, extra)['loss']
  return {
    'splits': sources,
    'bits_per_character': per_character(loss, len(held_out), sources['test']['characters']),
    'curve': curve(workdir, config),
  }


def per_character(nats: float, examples: int, characters: int) -> float:
  """Bits per character of a split, of the mean nats of its examples."""
  return nats * examples / math.log(2) / characters


def curve(workdir: Path, config) -> list[tuple[int, float]]:
  """`(step, bits per character)` on the split that is looked at while a run trains, by its averaged weights."""
  name = data.monitored_split(config.data)
  source = data.load(config.data, name)
  characters = len(split_of(config, name).text)
  rows = [row for row in writers.read(workdir) if row['split'] == name]
  kept = [row for row in rows if row.get('weights') == 'averaged'] or rows
  return [(row['step'], per_character(row['loss'], len(source), characters)) for row in kept]
