"""The rows as Markdown, and bits per character over training as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.row_by_row import table_line
from jaxgen import files

# What others report, and how it differs; of a chain what is the least that there can be.
PUBLISHED = {
  'pixelcnn_binary_mnist': '81.3 (PixelCNN), 79.2 (PixelRNN)',
  'pixelcnn_mnist': '-',
  'transformer_markov': '1.722 (the entropy of such sequences)',
}
_PROTOCOLS = (
  'Published numbers of binarized MNIST are nats an image, of networks trained to their ends, on another draw of the '
  'pixels, as fixed as ours ("Pixel recurrent neural networks", 2016, table 4). Of this text and of the digits there '
  'are none.'
)


_READINGS = (
  '\nA model reads the test split in windows, the first token of which is given nothing; in windows that overlap by '
  'half, of which the second half counts; and in these while it learns from what it has read, by Adam, at the one of '
  'three rates that is best on the validation split ("Dynamic evaluation of neural sequence models", 2018). The last '
  'is what a compressor does.\n'
)


def table(rows: Sequence[Mapping[str, Any]], readings: Sequence[Mapping[str, Any]] = ()) -> str:
  """All rows, what they depend on beneath, and the compressors of each text beside models, which read it in windows
  and, where there are `readings`, as compressors do."""
  head = ['config', 'test', 'unit', 'published', 'parameters', 'steps of', 'CPU minutes', 'seed']
  lines = [table_line(head), table_line(['---', '---:', '---', '---', '---:', '---:', '---:', '---:'])]
  for row in rows:
    value, error, unit = number(row)
    minutes = '-' if row['cpu_minutes'] is None else f'{row["cpu_minutes"]:.1f}'
    cells = [
      f'`{row["config"]}`',
      f'{value:.3f}' + (f' ± {error:.3f}' if error else ''),
      unit,
      PUBLISHED.get(row['config'], '-'),
      f'{row["parameters"]:,}',
      f'{row["steps"]:,} x {row["batch_size"]}',
      minutes,
      str(row['seed']),
    ]
    lines.append(table_line(cells))
  commands = '\n'.join(
    f'- `{row["command"]}` on {row["examples"]:,} examples of {row["data"]}' for row in rows
  )
  versions = ', '.join(f'{name} {version}' for name, version in rows[0]['versions'].items())
  return (
    '# Autoregressive models\n\n'
    + '\n'.join(lines)
    + '\n\nExact likelihoods of the whole test split by averaged weights, ± the standard error of a mean over its '
    'examples. CPU minutes are of all cores, with start, compilation, evaluation and pictures, and none of a run that '
    f'was there before. {_PROTOCOLS}\n\n{commands}\n\nOn {rows[0]["device"]}; {versions}.\n'
    + ''.join(_of_text(row, readings) for row in rows if 'splits' in row)
    + (_READINGS if readings else '')
  )


def number(row: Mapping[str, Any]) -> tuple[float, float | None, str]:
  """What a run is judged by, its standard error where it is that of a mean, and its unit."""
  if 'bits_per_character' in row:
    return row['bits_per_character'], None, 'bits per character'
  metric = 'negative_log_likelihood' if row['binary'] else 'bits_per_dim'
  unit = 'nats an image' if row['binary'] else 'bits per entry'
  return row['metrics'][metric], row['errors'][metric], unit


def picture(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
  """Bits per character over training of all models of text, beside compressors on the same split."""
  from matplotlib.figure import Figure

  texts = [row for row in rows if row.get('curve')]
  if not texts:
    return
  figure = Figure(figsize=(6.6, 4.4), layout='constrained')
  panel = figure.subplots()
  for row in texts:
    steps, bits = zip(*row['curve'], strict=True)
    panel.plot(steps, bits, marker='.', linewidth=1.4, label=f'`{row["config"]}`'.strip('`'))
  split = next(name for name in reversed(list(texts[0]['splits'])))
  sizes = texts[0]['splits'][split]['compressors']
  label, gap = 0.0, 0.045  # of labels, so that none lies upon another
  for index, (name, (_, after)) in enumerate(sorted(sizes.items(), key=lambda item: item[1][1])):
    label = max(after, label + gap)
    shade = 0.25 + 0.5 * index / len(sizes)
    panel.axhline(after, color=str(shade), linewidth=1.0, linestyle=('--', '-.', ':', '-')[index % 4])
    panel.annotate(name, (1.0, label), xycoords=('axes fraction', 'data'), xytext=(3, -3), fontsize=7,
      textcoords='offset points', color=str(shade))  # fmt: skip
  low = min([after for _, after in sizes.values()] + [min(b for _, b in row['curve']) for row in texts])
  panel.set_ylim(0.9 * low, 1.45 * max(after for _, after in sizes.values()))
  panel.set_xlabel('step')
  panel.set_ylabel(f'bits per character, {split} split')
  panel.set_title('Models of text, and compressors that have seen the training split too', fontsize=10)
  panel.grid(alpha=0.25)
  panel.legend(fontsize=8, frameon=False)
  with files.replacing(path) as part:
    figure.savefig(part, format='png', dpi=110)


def _of_text(row, readings):
  """The compressors beside one model."""
  splits = row['splits']
  head = [
    f'`{row["config"]}`',
    *(f'{split} {how}' for split in splits for how in ('alone', 'after training')),
  ]
  lines = [table_line(head), table_line(['---', *['---:'] * (len(head) - 1)])]
  for name in splits['test']['compressors']:
    sizes = [splits[split]['compressors'][name] for split in splits]
    lines.append(table_line([name, *(f'{bits:.3f}' for pair in sizes for bits in pair)]))
  ends = {
    'test': row['bits_per_character'],
    **({row_split(row): row['curve'][-1][1]} if row['curve'] else {}),
  }
  cells = [cell for split in splits for cell in ('-', f'{ends[split]:.3f}' if split in ends else '-')]
  lines.append(table_line(['the model, in windows', *cells]))
  for reading in (each for each in readings if each['config'] == row['config']):
    for key, how in (('with_a_past', 'with half a window before'), ('learning', 'learning as it reads')):
      lines.append(table_line([f'the model, {how}', '-', f'{reading[key]:.3f}', '-', '-']))
  return '\n' + '\n'.join(lines) + '\n'


def row_split(row: Mapping[str, Any]) -> str:
  """The split of the curve: the last of those that there are."""
  return list(row['splits'])[-1]
