"""jaxgen's command line.

python -m jaxgen.main --config=configs/glow_digits.py               train, into runs/glow_digits
python -m jaxgen.main --workdir=runs/glow_digits                    go on with that run
python -m jaxgen.main --mode=evaluate --workdir=runs/glow_digits    measure it on the test split
python -m jaxgen.main --mode=sample --workdir=runs/glow_digits      draw pictures from it
python -m jaxgen.main --mode=plan --config=configs/glow_cifar.py    what a run would cost

--config      a file, or the name of a config that comes with jaxgen: configs/glow_digits.py, glow_digits;
              glow_digits:smoke is the same in seconds. Any key of it can be set:
              --config.optimizer.learning_rate=3e-4. Without it, the config of the workdir's run.
--workdir     the run's folder; by default runs/<name>
--mode        train | evaluate | sample | plan
--num         with --mode=sample: how many samples; by default config.num_samples
"""

import errno
import os
import sys
from pathlib import Path

from absl import flags
from ml_collections import ConfigDict, config_flags

from jaxgen import config_files, process
from jaxgen.errors import UserError

_MODES = ('train', 'evaluate', 'sample', 'plan')


def main() -> int:
  """Runs the command in `sys.argv`; returns the exit code: 0, 2 for bad input, 143 after SIGTERM or Ctrl-C."""
  argv = sys.argv
  if {'-h', '--help', '-help'} & set(argv) or len(argv) == 1:
    print(__doc__)
    return 0
  try:
    process.set_up()  # before jax touches a device
    return _run(_parse(argv))
  except UserError as error:
    print(f'jaxgen: {error}', file=sys.stderr)
  except Exception as error:
    if not _disk_is_full(error):
      raise
    print(
      'jaxgen: The disk is full. Make room and start the same command again; it goes on.', file=sys.stderr
    )
  return 2


def _run(options: flags.FlagValues) -> int:
  from jaxgen import parallel
  from jaxgen.evaluate import evaluate
  from jaxgen.plan import plan
  from jaxgen.sample import sample
  from jaxgen.stop import Stopped
  from jaxgen.train import train

  parallel.start()
  workdir = Path(options.workdir)
  try:
    if options.mode == 'train':
      train(options.config, workdir)
    elif options.mode == 'plan':
      plan(options.config)
    elif options.mode == 'evaluate':
      evaluate(workdir, options.config)
    else:
      sample(workdir, options.config, options.num)
  except Stopped as stopped:
    print(stopped, flush=True)
    return 143
  return 0


def _disk_is_full(error):
  """Whether that is what an exception, or the one it was raised from, came of: each library wraps it differently."""
  if error is None:
    return False
  full = getattr(error, 'errno', None) == errno.ENOSPC or 'No space left on device' in str(error)
  return full or _disk_is_full(error.__cause__ or error.__context__)


def _parse(argv: list[str]) -> flags.FlagValues:
  """The options, with `config` and `workdir` filled in.

  Raises:
    UserError: saying what is wrong with them.
  """
  options = flags.FlagValues()
  flags.DEFINE_enum('mode', 'train', _MODES, '', flag_values=options)
  flags.DEFINE_string('workdir', None, '', flag_values=options)
  flags.DEFINE_integer('num', None, '', flag_values=options)
  path, workdir = _value_of(argv, 'config'), _value_of(argv, 'workdir')
  if path is not None:
    argv = _with_config_file(argv, path)
    config_flags.DEFINE_config_file('config', None, '', flag_values=options)
  elif workdir is not None:
    config_flags.DEFINE_config_dict('config', _config_of(workdir), '', flag_values=options)
  else:
    raise UserError('Give --config=configs/<name>.py, or the --workdir of a run; --help says more.')
  try:
    rest = options(argv)[1:]
  except Exception as error:  # a config file is code, and may raise anything
    raise UserError(_sentence(error)) from None
  if rest:
    raise UserError(f'"{rest[0]}" is not an option; options are written --name=value. --help says more.')
  if not isinstance(options.config, ConfigDict):
    raise UserError(f'get_config() in {path} gives no ConfigDict.')
  if options.workdir is None:
    options.workdir = str(Path('runs') / Path(path.partition(':')[0]).stem)
  return options


def _config_of(workdir):
  from jaxgen import workdir as workdirs

  config = workdirs.load_config(workdir)
  for resolved in ('shape', 'levels', 'classes'):
    del config.data[resolved]
  return config


def _value_of(argv, name):
  """The value of `--name=value` or `--name value`; None where it is not given."""
  for index, argument in enumerate(argv[1:], 1):
    key, equals, value = argument.lstrip('-').partition('=')
    if argument.startswith('-') and key == name:
      return value if equals else (argv[index + 1] if index + 1 < len(argv) else '')
  return None


def _with_config_file(argv, value):
  """The arguments, with the path of the file that `value` names in the place of `--config`."""
  name, colon, preset = value.partition(':')
  index = next(i for i, argument in enumerate(argv) if argument.partition('=')[0] in ('-config', '--config'))
  after = index + (1 if '=' in argv[index] else 2)
  return [*argv[:index], f'--config={config_files.find(name)}{colon}{preset}', *argv[after:]]


def _sentence(error):
  """What absl, ml_collections or the config file itself raise, as one sentence."""
  text = ' '.join(str(error).split())
  if isinstance(error, UserError):
    return text
  if isinstance(error, (AttributeError, KeyError)):
    wrong, _, hint = text.replace("\\'", "'").replace('\\n', ' ').strip('\'"').partition('Did you mean ')
    wrong, near = wrong.strip(" '"), hint.split(' instead of ')[0].strip('"')
    return f'The config has no key "{wrong}"' + (f'; did you mean "{near}"?' if near else '.')
  if isinstance(error, flags.Error):
    # get_config() failed inside the flag's parser: the last line of its traceback says how.
    last = str(error).strip().splitlines()[-1].strip()
    text = f'The config file cannot be read: {last}' if 'Traceback' in text else text
    return text.partition('UserError: ')[2] or text
  return f'The config file cannot be read: {type(error).__name__}: {text}'


if __name__ == '__main__':
  code = main()
  if code == 2:
    # The sentence has been said: exit handlers of libraries, on a full disk say, would add their tracebacks to it.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
  sys.exit(code)
