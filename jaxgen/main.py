"""jaxgen's command line.

python -m jaxgen.main --config=configs/glow_digits.py               train, into runs/glow_digits
python -m jaxgen.main --workdir=runs/glow_digits                    go on with that run
python -m jaxgen.main --mode=evaluate --workdir=runs/glow_digits    measure it, on the test split
python -m jaxgen.main --mode=sample --workdir=runs/glow_digits      draw pictures from it
python -m jaxgen.main --mode=plan --config=configs/glow_cifar.py    what a run would cost

--config      a file, or the name of a config that comes with jaxgen: configs/glow_digits.py, glow_digits;
              glow_digits:smoke is the same in seconds. Any key of it can be set:
              --config.optimizer.learning_rate=3e-4. Without it, the config of the workdir's run.
--workdir     the run's folder; by default runs/<name>
--mode        train | evaluate | sample | plan
--num         with --mode=sample: how many samples; by default config.num_samples
--split       with --mode=evaluate: test, for a number that is printed, or validation, for choosing
--step        with --mode=evaluate and sample, of which checkpoint: newest | best (by validation) | a number
--trust       without --config: import the module that the run names, though it is none of jaxgen.models
"""

import ast
import difflib
import errno
import os
import sys
from pathlib import Path

from jaxgen.loop import signals

if __name__ == '__main__':
  signals.leave_at_signals()  # what is imported below takes a while, and is interrupted too

from absl import flags  # noqa: E402
from ml_collections import ConfigDict, config_flags  # noqa: E402

from jaxgen import config_files, config_keys, process  # noqa: E402
from jaxgen.errors import UserError  # noqa: E402

_MODES = ('train', 'evaluate', 'sample', 'plan')
_OF_MODES = {
  'num': ('sample',),
  'step': ('evaluate', 'sample'),
  'split': ('evaluate',),
}  # options that the other modes do not have

# What file systems refuse; whatever else an OSError is may be a mistake of the program.
_OF_FILES = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)


def main() -> int:
  """Runs the command in `sys.argv`; returns the exit code: 0, 2 for bad input, 130 after Ctrl-C, 143 after SIGTERM."""
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
    if _disk_is_full(error):
      print(
        'jaxgen: The disk is full. Make room and start the same command again; it goes on.', file=sys.stderr
      )
    elif isinstance(error, OSError) and error.errno in _OF_FILES and error.filename:
      reason = f'{error.filename} cannot be used: {error.strerror}'
      print(f'jaxgen: {reason}; put that right and start the same command again.', file=sys.stderr)
    else:
      raise
  return 2


def _run(options: flags.FlagValues) -> int:
  from jaxgen import parallel
  from jaxgen.evaluate import evaluate
  from jaxgen.loop.stop import Stopped
  from jaxgen.plan import plan
  from jaxgen.sample import sample
  from jaxgen.train import train

  parallel.start()
  workdir = Path(options.workdir)
  try:
    if options.mode == 'train':
      train(options.config, workdir)
    elif options.mode == 'plan':
      plan(options.config)
    elif options.mode == 'evaluate':
      evaluate(workdir, options.config, options.step or 'newest', options.split or 'test')
    else:
      sample(workdir, options.config, options.num, options.step or 'newest')
  except Stopped as stopped:
    print(stopped, flush=True)
    return stopped.code
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
  path, argv = _take(argv, 'config')
  workdir, _ = _take(argv, 'workdir')
  options = flags.FlagValues()
  flags.DEFINE_enum('mode', 'train', _MODES, '', flag_values=options)
  flags.DEFINE_string('workdir', _usual_workdir(path), '', flag_values=options)
  flags.DEFINE_integer('num', None, '', flag_values=options)
  flags.DEFINE_string('step', None, '', flag_values=options)
  flags.DEFINE_string('split', None, '', flag_values=options)
  flags.DEFINE_boolean('trust', False, '', flag_values=options)
  if path is not None:
    config = config_files.load(path)
  elif workdir is not None:
    config = _config_of(workdir)
  else:
    raise UserError('Give --config=configs/<name>.py, or the --workdir of a run; --help says more.')
  _check_names(argv, config)
  _check_quotes(argv, config)
  try:
    config_flags.DEFINE_config_dict('config', config, '', flag_values=options, sys_argv=argv)
    rest = options(argv)[1:]
  except Exception as error:  # ml_collections raises whatever the type of a value does
    raise UserError(_sentence(error, config)) from None
  if rest:
    raise UserError(f'"{rest[0]}" is not an option; options are written --name=value. --help says more.')
  for name, modes in _OF_MODES.items():
    if getattr(options, name) is not None and options.mode not in modes:
      raise UserError(
        f'--{name} is of --mode={" and --mode=".join(modes)}, and this is --mode={options.mode}.'
      )
  if path is None and not options.trust:
    _check_module(workdir, options.config)
  if any('\ud800' <= letter <= '\udfff' for letter in options.workdir):  # bytes of a path that are no text
    raise UserError(
      f'The workdir {ascii(options.workdir)} is no UTF-8, and checkpoints need a name that is; give another.'
    )
  return options


def _usual_workdir(path):
  return None if path is None else str(Path('runs') / Path(path.partition(':')[0]).stem)


def _config_of(workdir):
  from jaxgen.runs import workdir as workdirs

  config = workdirs.load_config(workdir)
  for name in config_keys.RESOLVED:
    del config.data[name]
  return config


def _check_module(workdir, config):
  from jaxgen.runs import workdir as workdirs

  workdirs.check_module(workdir, config)


def _take(argv, name):
  """The value of `--name=value` or `--name value`, None where it is not given; and the arguments without it.

  Raises:
    UserError: if it is given twice, or without a value.
  """
  value, rest, arguments = None, [], iter(argv)
  for argument in arguments:
    key, equals, given = argument.partition('=')
    if key not in (f'-{name}', f'--{name}'):
      rest.append(argument)
      continue
    if value is not None:
      raise UserError(f'--{name} is given twice; give it once.')
    value = given if equals else next(arguments, '')
    if not value:
      raise UserError(f'--{name} is given without a value; write --{name}=value.')
  return value, rest


def _check_names(argv, config):
  """Raises a `UserError` for a key that is set and that the config does not have."""
  for argument in argv[1:]:
    name = argument.partition('=')[0].lstrip('-')
    if argument.startswith('-') and name.startswith('config.'):
      _value_at(config, name.removeprefix('config.'))


def _check_quotes(argv, config):
  """Raises a `UserError` for a tuple of texts that has lost its quotes to the shell: it would pass for one text."""
  for argument in argv[1:]:
    name, _, given = argument.partition('=')
    words = tuple(filter(None, (word.strip('()[]\'" ') for word in given.split(','))))
    if not name.lstrip('-').startswith('config.') or words in ((), (given,)) or _is_literal(given):
      continue
    value = _value_at(config, name.lstrip('-').removeprefix('config.'))
    if isinstance(value, tuple) and not any(isinstance(entry, (int, float)) for entry in value):
      raise UserError(
        f'{argument} is no tuple, since a shell takes quotes away; write "{name}={words}", with both kinds.'
      )


def _is_literal(text):
  try:
    ast.literal_eval(text)
  except (ValueError, SyntaxError):
    return False
  return True


def _value_at(config, path):
  for name in path.split('.'):
    if not isinstance(config, ConfigDict) or name not in config:
      near = difflib.get_close_matches(name, config if isinstance(config, ConfigDict) else (), n=1)
      raise UserError(f'The config has no key "{name}"' + (f'; did you mean "{near[0]}"?' if near else '.'))
    config = config[name]
  return config


def _sentence(error, config):
  """What absl and ml_collections raise, as one sentence."""
  text = ' '.join(str(error).split()).removeprefix('flag ').removeprefix('ERROR:: ')
  given = text.partition(': ')[0]
  if given.startswith('--config.') and isinstance(error, flags.IllegalFlagValueError):
    value = _value_at(config, given.partition('=')[0].removeprefix('--config.'))
    words = config_keys.TYPES.get(type(value), 'a section, as {"key": value}')
  elif given.startswith('--num='):
    words = config_keys.TYPES[int]
  else:
    return text
  return f'{given} cannot be used; it must be {words}.'


if __name__ == '__main__':
  code = main()
  if code:
    # The sentence has been said: exit handlers of libraries, on a full disk say, would add their tracebacks to it.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
  sys.exit(code)
