"""The rows as Markdown."""

from collections.abc import Mapping, Sequence

_NUMBERS = ('KL, nats', 'parameters', 'steps', 'seconds', 'CPU minutes')


def table(rows: Sequence[Mapping]) -> str:
  """One table of all densities side by side, then one of each with what a flow cost; the best of a density is bold."""
  densities = list(dict.fromkeys(row['density'] for row in rows))
  flows = list(dict.fromkeys((row['library'], row['flow']) for row in rows))
  found = {(row['library'], row['flow'], row['density']): row for row in rows}
  best = {density: _best(rows, density) for density in densities}
  lines = _head(['flow', *(name.partition(':')[2] for name in densities)])
  for library, flow in flows:
    cells = [_divergence(found.get((library, flow, density)), best[density]) for density in densities]
    lines.append(_line([_name(library, flow), *cells]))
  for density in densities:
    lines += ['', f'## `{density}`', '', *_head(['flow', *_NUMBERS])]
    lines += [_line(_cost(row, best[density])) for row in rows if row['density'] == density]
  return '# Toy densities: KL(data || model) in nats\n\n' + '\n'.join(lines) + '\n\n' + _notes(rows) + '\n'


def _best(rows, density):
  values = [row['kl'] for row in rows if row['density'] == density and row.get('kl') is not None]
  return min(values, default=None)


def _divergence(row, best):
  if row is None:
    return '-'
  if row.get('kl') is None:
    return row['failure']
  text = f'{row["kl"]:.4f} ± {row["standard_error"]:.4f}'
  return f'**{text}**' if row['kl'] == best else text


def _cost(row, best):
  numbers = [f'{row[name]:,}' if name in row else '-' for name in ('parameters', 'steps')]
  times = [
    f'{row[name]:.{digits}f}' if name in row else '-' for name, digits in (('seconds', 0), ('cpu_minutes', 2))
  ]
  return [_name(row['library'], row['flow']), _divergence(row, best), *numbers, *times]


def _name(library, flow):
  return f'`{flow}`' if library == 'jaxgen' else flow


def _head(names):
  return [_line(names), _line(['---', *['---:'] * (len(names) - 1)])]


def _line(cells):
  return f'| {" | ".join(cells)} |'


def _notes(rows):
  versions = {}
  for row in rows:
    versions |= row.get('versions', {})
  commands = [row['command'] for row in rows if row.get('command')]
  said = [
    'Made by `python -m experiments.toy_densities`; ± is the standard error over the test points. `seconds` of '
    'training, compilation left out; `CPU minutes` with it. '
    f'Seed {", ".join(sorted({str(row["seed"]) for row in rows}))}. How it is measured: [README](README.md).',
  ]
  if commands:
    said.append('The commands of the runs:\n\n```bash\n' + '\n'.join(commands) + '\n```')
  said.append(', '.join(f'{name} {version}' for name, version in versions.items()) + '.')
  return '\n\n'.join(said)
