"""Every use: what it needs of a model and of its data, and how it is done."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.errors import UserError
from jaxgen.uses import (
  anomaly,
  classification,
  codes,
  completion,
  decoded,
  export,
  imputation,
  outliers,
  reconstruction,
  samples,
  score_field,
  trajectory,
  translation,
)
from jaxgen.uses.latents import attributes, interpolation, levels, traversal
from jaxgen.uses.subject import Options, Subject, Written


class Use(NamedTuple):
  """Attributes:
  needs: of `abilities`.
  run: writes what it makes.
  takes: the options, beside those that all take, that change what it makes of a subject: given, prompt, form, against,
    attribute, hidden, and `knobs.<name>` for each knob.
  asked: whether it is done only where it is named: what makes data, not something to look at.
  """

  needs: frozenset[str]
  run: Callable[[Subject], Written]
  takes: Callable[[Subject], frozenset[str]] = lambda subject: frozenset()
  asked: bool = False


def abilities(subject: Subject) -> frozenset[str]:
  """What there is to use: functions of the model, and properties of its conditions and its data."""
  model = subject.model
  found = {
    'sample': model.sample,
    'log_prob': model.log_prob,
    'encode': model.encode,
    'decode': model.decode,
    'complete': model.complete,
    'impute': model.impute,
    'score': model.score and model.noise_range,
    'trajectory': model.trajectory,
    'latents or encode': model.latents or model.encode,
    'continuous latents': _continuous(subject),
    'log_prob or encode and decode': model.log_prob or (model.encode and model.decode),
    'a hierarchy of latents': model.levels and model.latents,
    'labels that are given (config.given)': 'label' in _given_to_likelihood(model),
    'labels that are not given': attributes.applies(subject),
    'images or sound': subject.field.kind in ('image', 'audio'),
    'data in the plane': (subject.field.kind, subject.field.shape) == ('vector', (2,)),
    'a class held out of training (config.data.without)': subject.trained.config.data.get('without'),
    'an image that is given, or two domains': _translates(subject),
    'a stage decoder': decoded.applies(subject),
  }
  return frozenset(name for name, there in found.items() if there)


def chosen(subject: Subject) -> list[str]:
  """The uses that are asked for, or all that apply.

  Raises:
    UserError: if one that is asked for is none or does not apply, or an option changes nothing of any of them.
  """
  able = abilities(subject)
  apply = [name for name, use in USES.items() if use.needs <= able]
  for name in subject.options.use:
    if name not in USES:
      raise UserError(f'There is no use "{name}"; choose of: {", ".join(USES)}.')
    if name not in apply:
      lacks = ', '.join(sorted(USES[name].needs - able))
      raise UserError(f'--use={name} needs {lacks}; this model on its data allows: {", ".join(apply)}.')
  names = list(subject.options.use) or [name for name in apply if not USES[name].asked]
  if not names:
    by_name = ', '.join(apply)
    raise UserError(
      'this model on its data has nothing to draw or to compare, as a flow without an inverse; measure it by '
      '--mode=evaluate' + (f', or ask for --use={by_name}.' if by_name else '.')
    )
  _check_taken(subject, names)
  return names


def _check_taken(subject, names):
  """Raises a `UserError` for an option that changes nothing of what is to be done."""
  for option in _options(subject.options):
    if not any(option in USES[name].takes(subject) for name in names):
      of = ', '.join(name for name, use in USES.items() if option in use.takes(subject))
      raise UserError(f'--{option} changes nothing of {", ".join(names)}; it is of --use={of}.')


def _options(options):
  """Those that only some uses take and that are not as they are by default."""
  plain = ('prompt', 'form', 'against', 'attribute', 'hidden')
  asked = [name for name in plain if getattr(options, name) != Options._field_defaults[name]]
  return [*asked, *(['given'] if options.given else []), *(f'knobs.{name}' for name in options.knobs)]


def left_out(subject: Subject) -> dict[str, str]:
  """The uses that do not apply, and what each lacks."""
  able = abilities(subject)
  return {name: ', '.join(sorted(use.needs - able)) for name, use in USES.items() if not use.needs <= able}


def _given_to_likelihood(model):
  """A label that samples follow by a classifier is none of these."""
  return model.log_prob_estimate.given if model.log_prob_estimate else model.given


def _translates(subject):
  """Whether there is something to translate from, and a way."""
  return bool(translation.source_field(subject)) or translation.has_two_domains(subject)


def _continuous(subject):
  """Whether one can go from one latent to another in small steps: codes of a codebook are numbers of words."""
  leaves = jax.tree.leaves(subject.shapes_of_latents())
  return bool(leaves) and all(jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in leaves)


_WAY = ['decode', 'latents or encode', 'continuous latents']
_ATTRIBUTES = ['encode', 'decode', 'continuous latents', 'labels that are not given']


def _knobs(subject, names=None):
  return frozenset(f'knobs.{name}' for name in (subject.model.knobs if names is None else names))


def _drawn(subject):
  return _knobs(subject) | {'given'}


def _exported(subject):
  return _drawn(subject) | {'form'}


def _of_prior(subject):
  """Examples that are encoded keep the conditions that they have."""
  return frozenset() if subject.model.encode else frozenset(['given'])


def _completed(subject):
  """So do examples that are completed; a prompt has none."""
  prompted = subject.options.prompt is not None
  turned = (name for name in subject.model.completion_knobs if prompted or name != 'length')
  return _knobs(subject, turned) | {'prompt', 'hidden', *(['given'] if prompted else [])}


def _translated(subject):
  """Between domains nothing is drawn."""
  return _knobs(subject) if translation.source_field(subject) else frozenset()


def _only(*options):
  return lambda subject: frozenset(options)


_ANOMALY = ['log_prob or encode and decode', 'a class held out of training (config.data.without)']

USES = {
  name: Use(frozenset(needs), run, takes)
  for name, needs, run, takes in (
    ('samples', ['sample'], samples.run, _drawn),
    ('decoded', ['sample', 'a stage decoder'], decoded.run, _drawn),
    ('trajectory', ['trajectory'], trajectory.run, _drawn),
    ('score_field', ['sample', 'score', 'data in the plane'], score_field.run, _only('given')),
    ('reconstruction', ['encode', 'decode'], reconstruction.run, _only()),
    ('interpolation', _WAY, interpolation.run, _of_prior),
    ('traversal', _WAY, traversal.run, _of_prior),
    ('levels', ['encode', 'decode', 'a hierarchy of latents'], levels.run, _only()),
    ('attributes', _ATTRIBUTES, attributes.run, _only('attribute')),
    ('completion', ['complete'], completion.run, _completed),
    ('imputation', ['impute'], imputation.run, _only()),
    ('classification', ['log_prob', 'labels that are given (config.given)'], classification.run, _only()),
    ('anomaly', _ANOMALY, anomaly.run, _only()),
    ('outliers', ['log_prob', 'images or sound'], outliers.run, _only('against')),
    ('translation', ['an image that is given, or two domains'], translation.run, _translated),
  )
} | {
  'export': Use(frozenset(['sample']), export.run, _exported, asked=True),
  'codes': Use(frozenset(['encode']), codes.run, asked=True),
}
