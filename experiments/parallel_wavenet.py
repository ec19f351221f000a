"""What a sound costs a student, in one pass, and its teacher, sample by sample off queues: processor seconds.

python -m experiments.parallel_wavenet --workdir=runs/parallel_wavenet_strings --num=16
"""

import time
from pathlib import Path

from experiments import arguments
from jaxgen import data, experiment, fields, keys
from jaxgen.data.given import of_random_examples
from jaxgen.uses.samples import sampler


def main() -> None:
  """Prints a line for each of the two; what is compiled, and drawn while it is, does not count.

  Raises:
    UserError: if the folder holds no run, or one without a teacher.
  """
  parser = arguments.Parser(description='What a sound costs a student, and its teacher.')
  parser.add_argument('--workdir', type=Path, required=True, help='of the student')
  parser.add_argument('--num', type=arguments.count, default=16, help='sounds that are drawn together')
  options = parser.parse_args()
  trained = experiment.load(options.workdir)
  teacher = trained.stages.get('teacher')
  if teacher is None:
    parser.error(f'{options.workdir} is no student: it has no stage teacher')
  given = _given(trained, options.num)
  student = list(trained.weights().values())[-1]
  length = fields.of(trained.config)['x'].shape[0]
  for name, model, params, extra in (
    ('student', trained.model, *student),
    ('teacher', teacher.model, teacher.params, teacher.extra),
  ):
    draw = sampler(model, options.num)
    draw(params, extra, given)
    start = time.process_time()
    draw(params, extra, given)
    print(f'{name}: {time.process_time() - start:.3f} s for {options.num} sounds of {length:,} samples')


def _given(trained, num):
  """The conditions of random training examples, of whatever kind; None where nothing is given."""
  if not trained.model.given:
    return None
  source = data.load(trained.config.data, 'train')
  return of_random_examples(source, trained.model.given, keys.of(trained.config.seed, 'given'), num)


if __name__ == '__main__':
  arguments.run(main)
