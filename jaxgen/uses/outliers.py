"""Out-of-distribution scores: does the likelihood tell other images, or sounds, from those of the training?"""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jaxgen import mu_law, show
from jaxgen.data.source import from_arrays
from jaxgen.metrics.bits_per_dim import bits_per_dim
from jaxgen.metrics.roc import auc, roc_curve
from jaxgen.show import audio
from jaxgen.types import Field, PRNGKey
from jaxgen.uses import anomaly
from jaxgen.uses.subject import Subject, Written, needed

_MOST = 500  # examples of each set, see `Subject.affordable`
_SHOWN = 8


def run(subject: Subject) -> Written:
  """`outliers.png`, ROC curves of two scores for each other set of examples, and `outliers_sets.png`, which they are.

  The sets are made of the examples of the split, see `made`; with `--against` there is another set of data too. The
  scores, higher for what is strange, are `-log p(x)` and the typicality `|log p(x) - m|`, where m is the mean over
  training examples (Nalisnick et al., "Detecting out-of-distribution inputs to deep generative models using
  typicality", 2019, equation 5, of one example). Beneath an area of 0.5 the other set is scored as more likely than
  the model's own: of flows and autoregressive models that is known for images that are smoother than their data
  (Nalisnick et al., "Do deep generative models know what they don't know?", 2019), and it is said by name.

  The standard error of an area is that of two sets drawn for themselves; where one is made of the other it is an upper
  one.
  """
  batches = _batches(subject)
  found = _log_prob(subject, batches)
  typical = {name: np.abs(values - found['train'].mean()) for name, values in found.items()}
  own, others = subject.split, [name for name in found if name not in ('train', subject.split)]
  panels = {
    '-log p(x)': {name: _curve(-found[own], -found[name]) for name in others},
    '|log p(x) - its mean in training|': {name: _curve(typical[own], typical[name]) for name in others},
  }
  rows = {name: _numbers(found, typical, name, own, subject.field) for name in found}
  said = failure({name: (rows[name]['auc'], rows[name]['standard_error']) for name in others}, own)
  path = subject.folder / 'outliers.png'
  show.relation(panels, ('false positive rate', 'true positive rate'), path, said)
  drawn = [subject.picture(batches[name]['x'][:_SHOWN], 1) for name in (own, *others)]
  sets = subject.save_picture('outliers_sets', show.titled_row(drawn, [own, *others], gap=70))
  numbers = {'means_of': 'train', 'failure': said, 'sets': rows}
  return Written((path, sets), numbers, _table(rows, said))


def made(x: np.ndarray, field: Field, rng: PRNGKey) -> dict[str, np.ndarray]:
  """Sets made of images [N, H, W, C] or of sounds [N, T, C]: for each of them it is known in what they differ.

  Of images: `smoothed` by the average of 3x3 pixels, `constant`: of the mean of each channel, `inverted`: white for
  black, `permuted`: the pixels of each image in an order of its own, and `noise`, every entry uniform. Of sounds:
  `smoothed` by the average of 3 samples, `silent`, `reversed` in time, `permuted` samples, and the same `noise`.
  """
  if field.kind == 'audio':
    return _of_sounds(x, field, rng)
  low, high = (0.0, field.levels - 1.0) if field.levels else (-1.0, 1.0)
  real, (order_rng, noise_rng) = x.astype(np.float64), jax.random.split(rng)
  num, height, width, channels = x.shape
  order = np.asarray(jax.random.uniform(order_rng, (num, height * width))).argsort(1)[..., None]
  permuted = np.take_along_axis(x.reshape(num, -1, channels), order, axis=1).reshape(x.shape)
  share = np.asarray(jax.random.uniform(noise_rng, x.shape))
  noise = np.floor(share * field.levels) if field.levels else low + (high - low) * share
  sets = {
    'smoothed': _averaged(real),
    'constant': np.broadcast_to(real.mean((1, 2), keepdims=True), x.shape),
    'inverted': low + high - real,
    'permuted': permuted,
    'noise': noise,
  }
  return {name: (np.rint(each) if field.levels else each).astype(x.dtype) for name, each in sets.items()}


def failure(areas: Mapping[str, tuple[float, float]], split: str) -> str:
  """Which sets the model finds more likely than its own, as a sentence.

  They are those whose area under the curve of -log p(x), against the examples of `split`, is below 0.5 by more than
  twice its standard error.
  """
  likelier = [name for name, (area, error) in areas.items() if area + 2 * error < 0.5]
  if not likelier:
    return f'no set scores higher than the {split} set'
  return f'scores higher than the {split} set: {", ".join(likelier)}'


def matched(x: np.ndarray, field: Field, own: Field) -> np.ndarray:
  """Images or sounds of a field in the levels of another one, of the same shape."""
  if field.levels == own.levels:
    return x
  if field.kind == 'audio':
    return _coded(audio.loudness(x, field.levels), own)
  share = x / (field.levels - 1) if field.levels else (x + 1) / 2
  return (
    np.rint(share * (own.levels - 1)).astype(np.uint8)
    if own.levels
    else np.asarray(2 * share - 1, np.float32)
  )


def _of_sounds(x, field, rng):
  order_rng, noise_rng = jax.random.split(rng)
  num, length, _ = x.shape
  order = np.asarray(jax.random.uniform(order_rng, (num, length))).argsort(1)[..., None]
  share = np.asarray(jax.random.uniform(noise_rng, x.shape))
  noise = np.floor(share * field.levels) if field.levels else 2 * share - 1
  loud = audio.loudness(x, field.levels)
  padded = np.pad(loud, [(0, 0), (1, 1), (0, 0)], mode='edge')
  smoothed = (padded[:, :-2] + loud + padded[:, 2:]) / 3
  sets = {
    'smoothed': _coded(smoothed, field),
    'silent': _coded(np.zeros_like(loud), field),
    'reversed': x[:, ::-1],
    'permuted': np.take_along_axis(x, order, axis=1),
    'noise': noise,
  }
  return {name: each.astype(x.dtype) for name, each in sets.items()}


def _coded(loud, field):
  return mu_law.encode(loud, field.levels) if field.levels else loud


def _averaged(x):
  """The mean of 3x3 pixels; the outermost are repeated beyond the border."""
  height, width = x.shape[1:3]
  padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], mode='edge')
  return sum(padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)) / 9


def _batches(subject: Subject) -> dict[str, dict[str, np.ndarray]]:
  """Batches by the name of their set: 'train', the split and the others."""
  names = ('x', *subject.model.given)
  own = {}
  for split in ('train', subject.split):
    examples = subject.source(split).examples(subject.spread(split, subject.affordable(_MOST)))
    own[split] = {key: np.asarray(examples[key]) for key in names}
  sets = made(own[subject.split]['x'], subject.field, subject.rng('outliers'))
  found = own | {name: {**own[subject.split], 'x': x} for name, x in sets.items()}
  if subject.against is not None:
    places = np.linspace(
      0, len(subject.against) - 1, min(subject.affordable(_MOST), len(subject.against))
    ).astype(int)
    x = matched(subject.against.examples(places)['x'], subject.against.spec['x'], subject.field)
    label = {'label': np.zeros(len(x), np.int32)} if 'label' in names else {}  # of which log p(x) is the sum
    found[subject.options.against] = {'x': x, **label}
  return found


def _log_prob(subject: Subject, batches: Mapping[str, Any]) -> dict[str, np.ndarray]:
  """log p(x) of the examples of each set, f64[N], in nats; what is no number is as unlikely as can be."""
  arrays = {
    name: np.concatenate([batch[name] for batch in batches.values()]) for name in ('x', *subject.model.given)
  }
  source = from_arrays('sets', {name: subject.spec[name] for name in arrays}, arrays)
  found = anomaly.log_prob(subject, needed(subject.model.log_prob), source, np.arange(len(source)))
  log_prob = np.nan_to_num(found, nan=-np.inf)
  ends = np.cumsum([len(batch['x']) for batch in batches.values()])
  return dict(zip(batches, np.split(log_prob, ends[:-1]), strict=True))


def _both(own, other):
  return np.concatenate([own, other]), np.arange(len(own) + len(other)) >= len(own)


def _curve(own, other):
  return roc_curve(*_both(own, other))


def _numbers(found, typical, name, own, field):
  """Those of one set; areas are against the split `own`."""
  mean = float(found[name].mean())
  numbers = {'examples': len(found[name]), 'log_prob': mean if np.isfinite(mean) else None}
  if field.levels:
    numbers['bits_per_dim'] = (
      float(bits_per_dim(jax.numpy.asarray(mean), field.shape, field.levels)) if np.isfinite(mean) else None
    )
  if name in ('train', own):
    return numbers
  area, error = auc(*_both(-found[own], -found[name]))
  typicality, typicality_error = auc(*_both(typical[own], typical[name]))
  numbers |= {'auc': area, 'standard_error': error}
  return numbers | {'typicality_auc': typicality, 'typicality_standard_error': typicality_error}


def _table(rows, said):
  """The areas as a person reads them."""
  lines = [f'{"":24} {"log p(x), nats":>14} {"AUROC, -log p":>15} {"AUROC, typicality":>18}']
  for name, row in rows.items():
    mean = '-' if row['log_prob'] is None else f'{row["log_prob"]:.1f}'
    areas = ('auc', 'standard_error'), ('typicality_auc', 'typicality_standard_error')
    first, second = (f'{row[a]:.3f} ± {row[e]:.3f}' if a in row else '' for a, e in areas)
    lines.append(f'{name:24} {mean:>14} {first:>15} {second:>18}'.rstrip())
  return '\n'.join([*lines, said])
