"""What was asked for on the command line, from text to values: conditions, knobs and a prompt."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgen import data, fields
from jaxgen.data.vocabulary import Vocabulary
from jaxgen.errors import UserError
from jaxgen.types import DataSpec, Field, GenerativeModel

_BOUNDS = {int: (1, 2**31 - 1), float: (0, math.inf)}  # of knobs that count, by 32 bits, and of all else


def given(texts: Mapping[str, str], model: GenerativeModel, spec: DataSpec) -> dict[str, np.ndarray]:
  """`--given.<field>=<text>` as arrays of the field, [M, *shape]: several labels stand between commas.

  Raises:
    UserError: if the model was not trained with the field, or the text is no value of it.
  """
  for name in texts:
    if name not in model.given:
      has = f'it follows {", ".join(model.given)}' if model.given else 'it follows no condition'
      raise UserError(f'--given.{name} cannot be followed: the model was trained without it; {has}.')
  return {name: _value(f'--given.{name}', text, spec[name]) for name, text in texts.items()}


def knobs(texts: Mapping[str, str], model: GenerativeModel) -> dict[str, float]:
  """`--knobs.<name>=<number>`, of the type of the knob's default.

  Raises:
    UserError: if the model has no such knob, or the text is no such number.
  """
  values = {}
  for name, text in texts.items():
    if name not in model.knobs:
      has = f'its knobs are {", ".join(model.knobs)}' if model.knobs else 'it has no knobs'
      raise UserError(f'--knobs.{name} turns nothing of this model; {has}.')
    kind = int if isinstance(model.knobs[name], int) else float
    value, (least, most) = _number(f'--knobs.{name}', text, kind), _BOUNDS[kind]
    if value < least:
      raise UserError(f'--knobs.{name}={text} cannot be used; it must be {least} or more.')
    if value > most:
      raise UserError(f'--knobs.{name}={text} cannot be used; it must be {most} or less.')
    values[name] = value
  return values


def check_sampling(
  model: GenerativeModel, params: Any, extra: Any, spec: DataSpec, values: Mapping[str, float]
) -> None:
  """Sees to it that the model can be sampled so, by shapes alone: some knobs have bounds of their own.

  Raises:
    UserError: if it cannot.
  """
  given = fields.blank({name: spec[name] for name in model.given}, 1)
  sample: Any = model.sample  # a model has knobs of nothing else
  draw = functools.partial(sample, num=1, given=given or None, **values)
  _traced(values, draw, params, extra, jax.random.key(0))


def check_completion(
  model: GenerativeModel, params: Any, extra: Any, spec: DataSpec, values: Mapping[str, float]
) -> None:
  """The same of completions, by the knobs that they take: a chain may be too short for what is done on its way.

  Raises:
    UserError: if there are none so.
  """
  taken = {name: value for name, value in values.items() if name in model.completion_knobs}
  if not taken:
    return
  batch = fields.blank(spec, 1)
  complete: Any = model.complete  # nothing else has such knobs
  seen = np.ones(batch['x'].shape, bool)
  _traced(taken, functools.partial(complete, **taken), params, extra, jax.random.key(0), batch, seen)


def _traced(values, function, *args):
  """Raises a `UserError` that names the knobs if the function refuses them."""
  try:
    jax.eval_shape(function, *args)
  except ValueError as error:
    turned = ' '.join(f'--knobs.{name}={value:g}' for name, value in values.items())
    raise UserError(f'{turned} cannot be used: {" ".join(str(error).split())}') from error


def prompt(
  text: str,
  model: GenerativeModel,
  field: Field,
  vocabulary: Vocabulary | None,
  end: int | None = None,
  length: int = 0,
) -> np.ndarray:
  """A prompt as tokens, i[T] with T at most the context, or the `length` that is asked for of a model that goes on
  beyond it; `end` is the token that ends an example, if one does.

  Raises:
    UserError: if the model is none of text or cannot go on with it, or the prompt is empty, longer than the context,
      outside the vocabulary or ended already.
  """
  if field.kind != 'tokens' or len(field.shape) != 1:
    raise UserError(f'--prompt is for models of text, and this one models {field.kind}s; leave it out.')
  if model.complete is None:
    raise UserError(
      '--prompt is for models that complete what is there, and this one does not; leave it out.'
    )
  if vocabulary is None:
    raise UserError('--prompt is for models of text, and these tokens are of none; leave it out.')
  if not text:
    raise UserError('--prompt= holds no text to continue; write some, or leave it out.')
  if any('\ud800' <= letter <= '\udfff' for letter in text):  # bytes of a command line that are no text
    raise UserError(f'--prompt={ascii(text)} is no UTF-8; write it otherwise.')
  tokens = vocabulary.encode(text)
  goes_on = 'length' in model.completion_knobs
  if len(tokens) > max(field.shape[0], length if goes_on else 0):
    remedy = f', or draw more by --knobs.length={len(tokens) + field.shape[0]}' if goes_on else ''
    raise UserError(
      f'--prompt is {len(tokens)} tokens long, and the context of this model holds {field.shape[0]}; '
      f'shorten it{remedy}.'
    )
  again = vocabulary.decode(tokens)
  if again != text:
    strange = next((one for one, other in zip(text, again, strict=False) if one != other), text[-1:])
    raise UserError(
      f'--prompt holds {strange!r}, which is outside the vocabulary that the run has read; write it otherwise.'
    )
  if end is not None and end in tokens:
    mark = vocabulary.decode(np.array([end]))
    raise UserError(f'--prompt holds {mark!r}, which ends an example of these data; leave it out.')
  return tokens


def attribute(text: str, spec: DataSpec) -> tuple[int, ...]:
  """`--attribute=<class>` or `<class>,<class>`, which differ.

  Raises:
    UserError: if it is no such class.
  """
  if 'label' not in spec:
    raise UserError('--attribute is a class, and these data have no labels; leave it out.')
  classes = tuple(_value('--attribute', text, spec['label']).tolist())
  if len(classes) > 2 or len(set(classes)) < len(classes):
    raise UserError(f'--attribute={text} cannot be used; it is one class, or two that differ.')
  return classes


def hidden(
  text: str, model: GenerativeModel, masks: Sequence[str], projections: Sequence[str]
) -> tuple[str, ...]:
  """`--hidden=<what>,<what>`, of which each is hidden by itself.

  Args:
    text: from the command line.
    model: that completes.
    masks: what can be hidden of its examples so that some of their entries are left.
    projections: of all entries, which only some models take.

  Raises:
    UserError: if nothing of the name can be hidden, or the model cannot complete what is left.
  """
  names = tuple(dict.fromkeys(text.split(',')))
  there = [*masks, *(projections if model.projects else ())]
  for name in names:
    if name in projections and not model.projects:
      raise UserError(
        f'--hidden={name} leaves something of every entry, from which score models alone complete; of this one: '
        f'{", ".join(there)}.'
      )
    if name not in there:
      raise UserError(f'--hidden={name} can hide nothing of these examples; choose of: {", ".join(there)}.')
  return names


def against(name: str, config: ConfigDict, given: Sequence[str]) -> data.Source:
  """`--against=<name of data>`: its test split, of images resized to those of a run.

  Args:
    name: as `config.data.name`.
    config: of the run, resolved.
    given: the conditions of its model.

  Raises:
    UserError: if it cannot be read or has no examples of the kind and shape that the model is of, or the model has
      conditions that other data do not have.
  """
  if others := [field for field in given if field != 'label']:
    raise UserError(
      f'--against={name} cannot be used: the model is given {others[0]}, which only its own data have.'
    )
  field, settings = fields.of(config)['x'], config.data.copy_and_resolve_references()
  height, width = field.shape[:2]
  with settings.unlocked():
    settings.update(dict(name=name, without=(), twin=()))
    if field.kind == 'image' and height == width:
      settings.image_size = height
  try:
    source = data.load(settings, 'test')
  except data.NoImages:
    raise UserError(
      f'--against={name} cannot be used: it holds no images, and those of the run are of shape {field.shape}.'
    ) from None
  except UserError as error:
    raise UserError(f'--against={name} cannot be used: {error}') from None
  found = source.spec['x']
  if (found.kind, found.shape) != (field.kind, field.shape):
    raise UserError(
      f'--against={name} cannot be used: its examples are of kind {found.kind} and shape {found.shape}, and those of '
      f'the run of kind {field.kind} and shape {field.shape}.'
    )
  return source


def _value(flag, text, field):
  if field.kind not in _READ:
    raise UserError(
      f'{flag} is an example of kind {field.kind}, which cannot be typed; leave it out, and it is that of random '
      'training examples.'
    )
  return _READ[field.kind](flag, text, field).astype(fields.dtype(field))


def _labels(flag, text, field):
  values = [_number(flag, part, int) for part in text.split(',')]
  if field.shape:
    raise UserError(f'{flag} is of shape {field.shape}; a label has none.')
  for value in values:
    if not 0 <= value < field.levels:
      raise UserError(f'{flag}={value} is no label; there are {field.levels}, from 0 to {field.levels - 1}.')
  return np.array(values)


def _vector(flag, text, field):
  values = np.array([_number(flag, part, float) for part in text.split(',')])
  if len(values) != fields.size(field):
    raise UserError(f'{flag} takes {fields.size(field)} numbers between commas, not {len(values)}.')
  return values.reshape(1, *field.shape)


def _number(flag, text, kind):
  words = {int: 'a whole number', float: 'a number'}[kind]
  try:
    value = kind(text)
  except ValueError:
    raise UserError(f'{flag}={text} cannot be used; it must be {words}.') from None
  if not abs(value) < math.inf:
    raise UserError(f'{flag}={text} cannot be used; it must be {words}.')
  return value


_READ: Mapping[str, Callable[[str, str, Field], np.ndarray]] = {'label': _labels, 'vector': _vector}
