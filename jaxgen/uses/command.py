"""`--mode=sample`: everything that a trained model can be used for, or what was asked for."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from jaxgen import experiment, files, parallel
from jaxgen.config_keys import KEYS
from jaxgen.data.splits import SPLITS
from jaxgen.errors import UserError, printable_lines
from jaxgen.runs import workdir as workdirs
from jaxgen.uses import asked, completion
from jaxgen.uses.catalogue import USES, chosen, left_out
from jaxgen.uses.subject import Options, Subject, Written

_PRINTED = 1000  # letters of a text


def use(
  workdir: Path,
  config: ConfigDict | None = None,
  options: Options = Options(),  # noqa: B008
  trust: bool = False,
) -> dict[str, Path]:
  """Uses a checkpoint of a run, and writes what comes of it to `<workdir>/sampled/`.

  Beside the files of each use stands `<use>.json`: the checkpoint, weights, seed, conditions and knobs that it was made
  with, and its numbers.

  Args:
    workdir: of the run.
    config: where given, it must be that of the run in all that a training step computes.
    options: what is asked for.
    trust: see `jaxgen.experiment.load`.

  Returns:
    What was written, `{name of the file: path}`.

  Raises:
    UserError: if the workdir holds no such checkpoint, or what is asked for does not fit the model.
  """
  workdirs.check_links(workdir)
  trained = experiment.load(workdir, config, options.step, trust)
  _check(trained, options)
  subject = Subject(trained, options, Path(workdir) / 'sampled')
  vocabulary = subject.vocabulary  # one that is not the run's is refused before anything is drawn and written
  subject.asked = asked.given(options.given, subject.model, subject.spec)
  subject.knobs = asked.knobs(options.knobs, subject.model)
  if subject.knobs:
    asked.check_sampling(subject.model, subject.params, subject.extra, subject.spec, subject.knobs)
  if 'completion' in options.use:  # before other uses have written
    asked.check_completion(subject.model, subject.params, subject.extra, subject.spec, subject.knobs)
  if options.prompt is not None:
    subject.prompt = asked.prompt(
      options.prompt,
      subject.model,
      subject.field,
      vocabulary,
      trained.config.data.get('end'),
      int(subject.knobs.get('length', 0)),
    )
  if options.attribute:
    subject.attribute = asked.attribute(options.attribute, subject.spec)
  if options.hidden and options.prompt is not None:
    raise UserError('--hidden is of examples, and --prompt begins with none; leave one of the two out.')
  if options.hidden and subject.model.complete:
    masks, projections = list(completion.observed(subject.field)), list(completion.projections(subject.field))
    subject.hidden = asked.hidden(options.hidden, subject.model, masks, projections)
  if options.against and subject.field.kind in ('image', 'audio'):
    subject.against = asked.against(options.against, trained.config, subject.model.given)
  with parallel.one_speaks(), parallel.one_writes(subject.folder) as subject.folder:
    return _used(subject)


def _used(subject):
  written: dict[str, Path] = {}
  refusal = None
  for name in chosen(subject):
    try:
      done = USES[name].run(subject)
    except UserError as error:  # its data are gone, or too few
      if subject.options.use:
        raise
      print(f'{name:14} left out: {error}')
      refusal = error
      continue
    record = subject.folder / f'{name}.json'
    files.write_text(record, json.dumps(_record(name, subject, done), indent=2) + '\n')
    written |= {path.name: path for path in (*done.files, record)}
    for line in _lines(name, subject, done):
      print(line, flush=True)
  if refusal and not written:
    raise refusal
  if not subject.options.use:
    for name, lacks in left_out(subject).items():
      print(f'{name:14} left out: it needs {lacks}')
  return written


def _check(trained, options):
  """Raises a `UserError` for what fits no model."""
  if options.num is not None and not KEYS['num_samples'].allows(options.num):
    words = KEYS['num_samples'].words()
    raise UserError(f'--num={options.num} samples cannot be drawn; it must be {words}.')
  if options.seed is not None and not KEYS['seed'].allows(options.seed):
    raise UserError(f'--seed={options.seed} cannot be used; it must be {KEYS["seed"].words()}.')
  if options.split and options.split not in SPLITS:
    raise UserError(f'There is no split "{options.split}"; --split is one of {", ".join(SPLITS)}.')
  there = list(trained.weights())
  if options.weights and options.weights not in there:
    raise UserError(f'--weights={options.weights} cannot be used; this run has {" and ".join(there)} ones.')


def _record(name: str, subject: Subject, done: Written) -> Mapping[str, Any]:
  """What the result depends on."""
  asked_for = {field: np.asarray(values).tolist() for field, values in subject.asked.items()}
  drawn = dict.fromkeys(subject.model.given, 'of random training examples')
  own = dict.fromkeys(subject.model.given, 'of the examples themselves')
  knobs = _knobs(name, subject)
  return {
    'use': name,
    'step': int(subject.trained.state.step),
    'weights': subject.weights,
    'seed': subject.seed,
    'split': subject.split,
    'num': subject.num,
    'given': drawn | asked_for if 'given' in USES[name].takes(subject) else own,
    'knobs': knobs,
    'sampler': _sampler(name, subject, knobs) if done.drawn else {},
    'meanings': {knob: words for knob, words in subject.model.meanings.items() if knob in knobs},
    'prompt': subject.options.prompt or '',
    'files': [path.name for path in done.files],
    **done.numbers,
  }


def _sampler(name, subject, knobs):
  """That by which a use draws, with its settings as they were turned; of a model that leaves no choice, none."""
  needs = USES[name].needs
  draws = needs & {'sample', 'trajectory', 'complete'}
  return experiment.sampler_of(subject.trained, 'complete' in needs, knobs) if draws else {}


def _knobs(name, subject):
  """The values of those that a use takes."""
  takes, values = USES[name].takes(subject), {**subject.model.knobs, **subject.knobs}
  return {knob: value for knob, value in values.items() if f'knobs.{knob}' in takes}


def _lines(name, subject, done):
  """One per thing written, the beginning of what is text, one with the numbers, one per knob with a meaning."""
  lines = [f'{name:14} {path}' for path in done.files]
  files_of_text = [] if done.told else [path for path in done.files if path.suffix == '.txt']
  texts = [path.read_text(encoding='utf-8') for path in files_of_text]
  lines += [printable_lines(text[:_PRINTED].rstrip()) for text in (*texts, done.text) if text]
  short = {key: value for key, value in done.numbers.items() if isinstance(value, (int, float))}
  numbers = ', '.join(
    f'{key.replace("_", " ")} {value:.4g}'
    if isinstance(value, float)
    else f'{key.replace("_", " ")} {value:,}'
    for key, value in short.items()
  )
  meanings = subject.model.meanings
  turned = [knob for knob in subject.knobs if knob in meanings and knob in _knobs(name, subject)]
  lines += [f'{name:14} {numbers}'] if numbers else []
  return [*lines, *(f'{name:14} {knob} {subject.knobs[knob]:g}: {meanings[knob]}' for knob in turned)]
