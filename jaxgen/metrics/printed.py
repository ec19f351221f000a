"""The table that an evaluation prints: each number once, with its weights, what its ± is, and what it depends on."""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxgen.metrics.results import Record
from jaxgen.types import Estimate

_WIDTH = {'name': 26, 'number': 14, 'error': 12}


def table(
  terms: Mapping[str, Mapping[str, Any]], held_out: str, records: Sequence[Record], weights: str
) -> list[str]:
  """The lines of the table.

  A term that is measured as a record too, by the same name, is left to the record.

  Args:
    terms: the model's own, `{weights: {name: mean over a split}}`; of a list stand the least and the largest.
    held_out: the split, in words: '300 examples of test'.
    records: what was measured, with `weights`.
    weights: 'raw' or 'averaged', one of the keys of `terms`.
  """
  measured = {record.metric for record in records}
  lines = [_line('', list(terms), '±', '')]
  for name in next(iter(terms.values())):
    if name not in measured:
      lines.append(_line(name, [_number(values[name]) for values in terms.values()], '', held_out))
  for record in records:
    numbers = [_number(record.value) if column == weights else '' for column in terms]
    lines.append(_line(record.metric, numbers, _error(record), '; '.join(_notes(record))))
  return lines + _legend(records)


def estimate(record: Record | Estimate) -> str:
  """How a likelihood is estimated, in words; of what is none, nothing."""
  given = f'given {", ".join(record.given)}' if record.given else ''
  counts = (
    f'K = {record.importance_samples}' if record.importance_samples else '',
    f'at most {record.ode_steps} ODE steps' if record.tolerance else _count(record.ode_steps, 'ODE step'),
    f'to {record.tolerance:g} nats' if record.tolerance else '',
    f'to noise of {record.smallest_noise:g}' if record.smallest_noise else '',
    _count(record.diffusion_levels, 'noise level'),
    f'{record.drawn_terms} of their terms drawn' if record.drawn_terms else '',
    _count(record.probes, 'random direction'),
    _count(record.noise_draws, 'noise draw'),
  )
  return ', '.join(filter(None, [record.kind, *counts, given]))


def _line(name, numbers, error, notes):
  columns = ''.join(f'{number:>{_WIDTH["number"]}}' for number in numbers)
  return f'{name:{_WIDTH["name"]}}{columns}{error:>{_WIDTH["error"]}}  {notes}'.rstrip()


def _error(record):
  error = record.spread if record.standard_error is None else record.standard_error
  if error is None:
    return ''
  return f'{error:.0f}' if error >= 100 else f'{error:.2g}'


def _number(value):
  if isinstance(value, list):
    return f'{min(value):.1g}..{max(value):.2g}'
  return f'{value:.4f}' if abs(value) >= 1e-3 or not value else f'{value:.2g}'


def _notes(record):
  """What the number depends on, in words; what does not apply is not mentioned."""
  sizes = (
    f'{record.n_generated:,} samples' if record.n_generated else '',
    f'{record.n_reference:,} examples of {record.split}' if record.split else '',
  )
  return filter(None, [estimate(record), record.settings, ' against '.join(filter(None, sizes))])


def _count(number, what):
  return f'{number} {what}{"" if number == 1 else "s"}' if number else ''


def _legend(records):
  said = []
  if any(record.standard_error is not None for record in records):
    said.append('± of a mean over examples: its standard error, std / sqrt(examples).')
  if any(record.spread is not None and record.standard_error is None for record in records):
    said.append('± of a mean over subsets or parts: their standard deviation.')
  features = {record.features for record in records if record.features}
  said += [f'Samples are compared by {name}.' for name in sorted(features)]
  return ['', *said] if said else []
