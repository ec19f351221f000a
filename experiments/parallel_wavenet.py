"""What a sound costs a student, in one pass, and its teacher, sample by sample off queues: processor seconds.

python -m experiments.parallel_wavenet --workdir=runs/parallel_wavenet_strings --num=16
"""

import time
from pathlib import Path

import numpy as np

from experiments import arguments
from jaxgen import experiment, fields
from jaxgen.uses.samples import sampler


def main() -> None:
  """Prints a line for each of the two; what is compiled, and drawn while it is, does not count.

  Raises:
    UserError: if the folder holds no run, or one without a teacher.
  """
  parser = arguments.Parser(description='What a sound costs a student, and its teacher.')
  parser.add_argument('--workdir', type=Path, required=True, help='of the student')
  parser.add_argument('--num', type=int, default=16, help='sounds that are drawn together')
  options = parser.parse_args()
  trained = experiment.load(options.workdir)
  teacher = trained.stages.get('teacher')
  if teacher is None:
    parser.error(f'{options.workdir} is no student: it has no stage teacher')
  given = {
    name: np.arange(options.num) % field.levels for name, field in fields.given(trained.config).items()
  }
  student = list(trained.weights().values())[-1]
  length = fields.of(trained.config)['x'].shape[0]
  for name, model, params, extra in (
    ('student', trained.model, *student),
    ('teacher', teacher.model, teacher.params, teacher.extra),
  ):
    draw = sampler(model, options.num)
    draw(params, extra, given or None)
    start = time.process_time()
    draw(params, extra, given or None)
    print(f'{name}: {time.process_time() - start:.3f} s for {options.num} sounds of {length:,} samples')


if __name__ == '__main__':
  arguments.run(main)
