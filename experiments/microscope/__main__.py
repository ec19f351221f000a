"""Five families of generative models under one microscope.

python -m experiments.microscope --data=digits --minutes=1 --seeds=3     24 minutes on 2 CPU cores
python -m experiments.microscope --data=tfds:mnist --minutes=10
python -m experiments.microscope --data=folder:/my/images --image_size=32
"""

import argparse
import os
import signal
import sys
from pathlib import Path

from experiments.arguments import Parser
from jaxgen import process
from jaxgen.errors import UserError


def main(arguments: list[str] | None = None) -> int:
  """Runs the microscope; returns the exit code: 0, 2 for bad input, 143 after SIGTERM or Ctrl-C."""
  try:
    process.set_up()  # before jax touches a device
    options = _parse(sys.argv[1:] if arguments is None else arguments)
    from experiments.microscope import microscope

    return microscope.run(microscope.settings_of(options))
  except UserError as error:
    text = (
      str(error).replace('--config.data.image_size', '--image_size').replace('--config.data.name', '--data')
    )
    print(f'microscope: {text}', file=sys.stderr)
    return 2


def _parse(arguments):
  parser = Parser(
    'python -m experiments.microscope', description=__doc__, formatter_class=argparse.RawTextHelpFormatter
  )
  parser.add_argument('--data', default='digits', help='digits | tfds:<name> | folder:<path> | npz:<path>')
  parser.add_argument(
    '--image_size', type=int, default=0, help='resize to this many pixels a side; 0: as they are'
  )
  parser.add_argument('--minutes', type=float, help='of training for each run; by default 1')
  parser.add_argument('--seeds', type=int, help='runs of each family, and of each arm of a claim; 3')
  parser.add_argument(
    '--parameters', type=int, default=0, help='of each family, about; 0: 120,000, of large images 500,000'
  )
  parser.add_argument('--samples', type=int, help='that a finished run is measured by; 1000')
  parser.add_argument('--claim_steps', type=int, help='training steps of the small runs for the claims; 800')
  parser.add_argument(
    '--claims', default='', help='names of those to test, with commas between them; by default all'
  )
  parser.add_argument(
    '--preset',
    choices=('', 'smoke'),
    default='',
    help='smoke: a look at everything in minutes, with tiny models',
  )
  parser.add_argument(
    '--out',
    type=Path,
    default=None,
    help='folder; by default runs/microscope_<data>; what it holds is gone on with',
  )
  return parser.parse_args(arguments)


if __name__ == '__main__':
  # As Ctrl-C; while it trains, the loop has its own.
  signal.signal(signal.SIGTERM, signal.default_int_handler)
  code = main()
  sys.stdout.flush()
  sys.stderr.flush()
  # What there is to say has been said in a sentence: exit handlers of libraries shall not add tracebacks to it,
  # and threads that still measure shall not be waited for.
  os._exit(code) if code else sys.exit()
