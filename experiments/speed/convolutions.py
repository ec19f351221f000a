"""Times a 3x3 convolution and its two gradients: by jaxgen, by XLA's own forms, and by PyTorch.

python -m experiments.speed.convolutions
python -m experiments.speed.convolutions --torch-python=/path/to/python   where torch is not in this interpreter

The table goes to experiments/speed/results/convolutions-<processor>.md. The sides take turns within a run; medians
count. The times mean something only on a machine that does nothing else.
"""

import argparse
import statistics
import sys

from experiments import arguments
from experiments.speed import table
from experiments.speed.worker import Worker

JAX, TORCH = 'experiments.speed.convolutions_jax', 'experiments.speed.convolutions_torch'
# (batch, pixels a side, channels, features), as the U-Nets and the NCSN of the table of models have them
SHAPES = (
  (16, 28, 16, 16),
  (16, 28, 48, 16),
  (16, 14, 32, 32),
  (16, 14, 64, 32),
  (16, 32, 64, 64),
  (16, 16, 64, 64),
  (64, 8, 32, 32),
  (64, 8, 64, 64),
)
WANTED = {'y': 'output', 'x': 'gradient of the input', 'k': 'gradient of the kernel'}


def main():
  """Measures all shapes and writes the table."""
  parser = arguments.Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument(
    '--rounds', type=arguments.count, default=5, help='turns of each side; the median counts'
  )
  parser.add_argument('--seconds', type=float, default=0.2, help='that a turn takes')
  parser.add_argument('--torch-python', default=sys.executable)
  options = parser.parse_args()
  rows = []
  with Worker(sys.executable, JAX) as ours, Worker(options.torch_python, TORCH) as theirs:
    versions = ours.ask(do='versions') | theirs.ask(do='versions')
    for shape in SHAPES:
      for wanted in WANTED:
        rows.append((shape, wanted, _times(ours, theirs, shape, wanted, options)))
        print(line(*rows[-1]), flush=True)
  path = table.FOLDER / f'convolutions-{table.in_file_names(table.processor())}.md'
  path.write_text(text(rows, versions, options.rounds))
  print(path)


def _times(ours, theirs, shape, wanted, options):
  """Medians in seconds: jaxgen's form, XLA's own, PyTorch's."""
  question = dict(do='time', shape=shape, wanted=wanted)
  sides = {
    'jaxgen': lambda seconds: ours.ask(**question, form='jaxgen', seconds=seconds),
    'XLA': lambda seconds: ours.ask(**question, form='XLA', seconds=seconds),
    'PyTorch': lambda seconds: theirs.ask(**question, seconds=seconds),
  }
  times = {name: [] for name in sides}
  for turn in range(options.rounds + 1):  # the first, untimed one warms up
    for name, ask in sides.items():
      seconds = ask(options.seconds if turn else 0.0)['seconds']
      times[name] += [seconds] if turn else []
  return {name: statistics.median(each) for name, each in times.items()}


def line(shape, wanted, times):
  """One row of the table."""
  batch, side, channels, features = shape
  work = 2 * batch * side**2 * 9 * channels * features  # multiplications and additions
  cells = [f'{batch}x{side}x{side}x{channels} to {features}', WANTED[wanted]]
  cells += [f'{1e3 * times[name]:.3g} ({work / times[name] / 1e9:.0f})' for name in times]
  return f'| {" | ".join(cells)} | **{times["jaxgen"] / times["PyTorch"]:.2f}** |'


def text(rows, versions, rounds):
  """The table with what it was measured with."""
  head = '| images and features | wanted | jaxgen, ms (GFLOP/s) | XLA | PyTorch | ratio |'
  rule = '|---|---|---:|---:|---:|---:|'
  note = (
    f'{", ".join(f"{name} {version}" for name, version in versions.items())}; {table.machine()}. Medians of {rounds} '
    'turns. `XLA` is `jax.lax.conv_general_dilated` and its own gradients, outside of loops. Ratios are jaxgen to '
    'PyTorch.'
  )
  return '\n'.join(['## Convolutions, 3x3', '', head, rule, *(line(*row) for row in rows), '', note, ''])


if __name__ == '__main__':
  arguments.run(main)
