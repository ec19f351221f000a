"""Trains autoregressive models of text, of a Markov chain and of images, and measures their exact likelihoods.

    python -m experiments.autoregressive
    python -m experiments.autoregressive --configs=charlm_text,rnnlm_text

Writes `results.jsonl`, `reading.jsonl` (of text, read as compressors do), `results.md`, `text.png` (bits per character
over training, beside compressors) and the curves of each run to `--out`; the runs are in `--runs`. A row that is there
is not made again, and a run goes on where it was, so that after a kill the same command goes on.
"""

import argparse
from pathlib import Path
from typing import Any

from experiments import arguments, row_by_row
from experiments.autoregressive.reached import reached
from experiments.autoregressive.reading import reading
from experiments.autoregressive.report import picture, table
from jaxgen import config_files, files, process, show
from jaxgen.runs import writers

HERE = Path(__file__).parent
CONFIGS = (
  'charlm_text',
  'rnnlm_text',
  'transformer_text',
  'transformer_text_large',
  'transformer_markov',
  'pixelcnn_digits',
  'pixelcnn_binary_mnist',
)
_POINTS = 10  # of a curve of text


def main() -> None:
  """Trains, measures and writes."""
  asked = _arguments()
  process.set_up()
  path, readings = asked.out / 'results.jsonl', asked.out / 'reading.jsonl'
  for name in asked.configs:
    if not _has(path, name):
      row_by_row.append(path, made(name, asked.runs / name))
      show.curves(writers.read(asked.runs / name), asked.out / f'{name}_curves.png')
    if _is_of_text(name) and not _has(readings, name):
      row_by_row.train_by_command(name, asked.runs / name, often(name))
      row_by_row.append(readings, reading(name, asked.runs / name))
  rows = sorted(row_by_row.read(path), key=lambda row: _place(row['config']))
  files.write_text(asked.out / 'results.md', table(rows, row_by_row.read(readings)))
  picture(rows, asked.out / 'text.png')


def _arguments():
  parser = arguments.Parser(
    prog='python -m experiments.autoregressive',
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )
  parser.add_argument('--configs', type=arguments.several(config_files.names()), default=CONFIGS)
  parser.add_argument('--runs', type=Path, default=Path('runs'))
  parser.add_argument('--out', type=Path, default=HERE)
  return parser.parse_args()


def made(name: str, workdir: Path) -> dict[str, Any]:
  """One run: what it cost, see `row_by_row.train_by_command`, and what it reached."""
  command, minutes = row_by_row.train_by_command(name, workdir, often(name))
  return {'config': name, 'command': command, 'cpu_minutes': minutes, **reached(name, workdir)}


def often(name: str) -> list[str]:
  """The options by which text is evaluated so often that one sees a curve; they change no weight."""
  if not _is_of_text(name):
    return []
  config = config_files.load(name)
  every = max(config.num_steps // _POINTS // config.steps_per_dispatch, 1) * config.steps_per_dispatch
  return [f'--config.eval_every={every}']


def _is_of_text(name):
  return config_files.load(name).data.name.startswith('text:')


def _has(path, name):
  return name in [row['config'] for row in row_by_row.read(path)]


def _place(name):
  return (CONFIGS.index(name), name) if name in CONFIGS else (len(CONFIGS), name)


if __name__ == '__main__':
  arguments.run(main)
