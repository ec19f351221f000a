"""jaxgen's command line.

python -m jaxgen.main --config=configs/glow_digits.py               train, into runs/glow_digits
python -m jaxgen.main --workdir=runs/glow_digits                    go on with that run
python -m jaxgen.main --mode=evaluate --workdir=runs/glow_digits    measure it, on the test split
python -m jaxgen.main --mode=sample --workdir=runs/glow_digits      use it: samples, interpolations, completions, ...
python -m jaxgen.main --mode=plan --config=configs/glow_cifar.py    what a run would cost

--config      a file, or the name of a config that comes with jaxgen: configs/glow_digits.py, glow_digits;
              glow_digits:smoke is the same in seconds. Any key of it can be set:
              --config.optimizer.learning_rate=3e-4. Without it, the config of the workdir's run.
--workdir     the run's folder; by default runs/<name>
--mode        train | evaluate | sample | plan
--split       with --mode=evaluate: test, for a number that is printed, or validation, for choosing;
              with --mode=sample: whose examples are used, by default test
--step        with --mode=evaluate and sample, of which checkpoint: newest | best (by validation) | a number
--config.sampler.<key>    with --mode=evaluate and sample too: how a score model is sampled, --config.sampler.name=heun
--config.model.likelihood.<key>    with --mode=evaluate too: how a score model's likelihood is measured

and with --mode=sample alone
--use         what to do, between commas, by default all that applies and is looked at:
              samples, decoded, trajectory, score_field, reconstruction, interpolation, traversal, levels, completion,
              imputation, classification, attributes, anomaly, outliers, translation; and by name alone export, of
              samples, and codes, of a split
--num         how many samples; by default config.num_samples
--given.<field>=<value>   what samples are conditioned on: --given.label=3, several in turn: --given.label=0,1,2;
              fields that are not named are those of random training examples
--knobs.<name>=<number>   what the model can be turned by: --knobs.temperature=0.7
--prompt      the text that a model of text continues
--weights     raw | averaged; by default averaged ones where there are any
--seed        of samples and noise; by default that of the run
--form        of an export: npz | folder
--attribute   the class whose attribute vector is shown, or two: --attribute=3,8 is that of 3 less that of 8
--hidden      what completion hides: half, quarter; of images centre, and for score models colour (colourization),
              detail and detail_4 (super-resolution of squares of 2 and 4 pixels a side)
--against     another set of images or sounds, as config.data.name, that outliers are of too

and with --mode=plan:
--savings     what remat, bfloat16, accumulate and fsdp would each save; a compilation each

--trust       import what is none of jaxgen.models: the module that the folder of a run names, without --config, and
              those of the runs that it is built on
"""

import os
import sys
from pathlib import Path

from jaxgen.loop import signals

if __name__ == '__main__':
  signals.leave_at_signals()  # what is imported below takes a while, and is interrupted too

from absl import flags  # noqa: E402
from ml_collections import config_flags  # noqa: E402

from jaxgen import config_files, config_keys, files, process  # noqa: E402
from jaxgen.errors import UserError, printable  # noqa: E402

_MODES = ('train', 'evaluate', 'sample', 'plan')
# Options that the other modes do not have, with the values that some may have.
_OF_MODES = {
  'step': ('evaluate', 'sample'),
  'split': ('evaluate', 'sample'),
  'savings': ('plan',),
  **dict.fromkeys(
    ('num', 'seed', 'use', 'prompt', 'weights', 'form', 'given', 'knobs', 'attribute', 'against', 'hidden'),
    ('sample',),
  ),
}
_DOTTED = ('given', 'knobs')  # written --given.<name>=<value>
_CHOICES = {'weights': ('raw', 'averaged'), 'form': ('npz', 'folder')}


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
    print(f'jaxgen: {printable(str(error))}', file=sys.stderr)
  except Exception as error:
    sentence = files.refusal(error)
    if sentence is None:
      raise
    print(f'jaxgen: {sentence}', file=sys.stderr)
  return 2


def _run(options: flags.FlagValues) -> int:
  from jaxgen import parallel
  from jaxgen.evaluate import evaluate
  from jaxgen.loop.stop import Stopped
  from jaxgen.plan import plan
  from jaxgen.train import train
  from jaxgen.uses import use

  parallel.start()
  workdir = Path(options.workdir)
  try:
    if options.mode == 'train':
      train(options.config, workdir, options.trust)
    elif options.mode == 'plan':
      plan(options.config, options.trust, bool(options.savings))
    elif options.mode == 'evaluate':
      evaluate(workdir, options.config, options.step or 'newest', options.split or 'test', options.trust)
    else:
      use(workdir, options.config, _of_use(options), options.trust)
  except Stopped as stopped:
    print(stopped, flush=True)
    return stopped.code
  return 0


def _of_use(options):
  """What `--mode=sample` was asked for, as `jaxgen.uses` takes it."""
  from jaxgen.uses import Options

  asked = {name: getattr(options, name) for name in Options._fields}
  asked['use'] = tuple(name for name in (options.use or '').split(',') if name)
  for dotted in _DOTTED:
    asked[dotted] = dict(text.partition('=')[::2] for text in asked[dotted] or ())
  return Options(**{name: value for name, value in asked.items() if value is not None})


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
  for name in ('num', 'seed'):
    flags.DEFINE_integer(name, None, '', flag_values=options)
  for name in ('step', 'split', 'use', 'prompt', 'attribute', 'against', 'hidden'):
    flags.DEFINE_string(name, None, '', flag_values=options)
  for name in _DOTTED:
    flags.DEFINE_multi_string(name, None, '', flag_values=options)
  for name, choices in _CHOICES.items():
    flags.DEFINE_enum(name, None, choices, '', flag_values=options)
  flags.DEFINE_boolean('savings', None, '', flag_values=options)
  flags.DEFINE_boolean('trust', False, '', flag_values=options)
  if path is not None:
    config = config_files.load(path)
  elif workdir is not None:
    config = _config_of(workdir)
  else:
    raise UserError('Give --config=configs/<name>.py, or the --workdir of a run; --help says more.')
  config = _completed(config)
  config_files.check_arguments(argv, config)
  try:
    config_flags.DEFINE_config_dict('config', config, '', flag_values=options, sys_argv=argv)
    rest = options(_undotted(argv))[1:]
  except Exception as error:  # ml_collections raises whatever the type of a value does
    raise UserError(_sentence(error, config)) from None
  if rest:
    raise UserError(f'"{rest[0]}" is not an option; options are written --name=value. --help says more.')
  for name in ('step', 'split', 'attribute', 'against', 'hidden'):
    if getattr(options, name) == '':
      raise UserError(f'--{name} is given without a value.')
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
  for name in config_keys.RESOLVED.keys() & config.data.keys():
    del config.data[name]
  return config


def _completed(config):
  """With all that can be set of it; of a module of the user's own, which may be none, only what the config says."""
  from jaxgen import experiment

  is_ours = str(config.get('module', '')).startswith('jaxgen.models.')
  return experiment.completed(config) if is_ours else config


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


def _undotted(argv):
  """`--given.label=3` as `--given=label=3`, which absl knows.

  Raises:
    UserError: if one of them has no value, or is given twice.
  """
  names, rest = set(), []
  for argument in argv:
    section, dot, name = argument.lstrip('-').partition('.')
    if not (argument.startswith('-') and dot and section in _DOTTED):
      rest.append(argument)
      continue
    key, equals, value = name.partition('=')
    if not (key and equals and value):
      raise UserError(f'--{section}.{key} is given without a value; write --{section}.<name>=<value>.')
    if (section, key) in names:
      raise UserError(f'--{section}.{key} is given twice; give it once, several values between commas.')
    names.add((section, key))
    rest.append(f'--{section}={name}')
  return rest


def _sentence(error, config):
  """What absl and ml_collections raise, as one sentence."""
  text = ' '.join(str(error).split()).removeprefix('flag ').removeprefix('ERROR:: ')
  given = text.partition(': ')[0]
  if given.startswith('--config.') and isinstance(error, flags.IllegalFlagValueError):
    value = config_files.value_at(config, given.partition('=')[0].removeprefix('--config.'))
    words = config_keys.TYPES.get(type(value), 'a section, as {"key": value}')
  elif given.startswith(('--num=', '--seed=')):
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
