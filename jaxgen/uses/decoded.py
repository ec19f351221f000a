"""Samples of codes, as the stage `decoder` of the run decodes them."""

from collections.abc import Mapping

import jax
import numpy as np

from jaxgen import fields, show
from jaxgen.types import Field
from jaxgen.uses import archive
from jaxgen.uses.samples import sampler
from jaxgen.uses.subject import Subject, Written, needed


def applies(subject: Subject) -> bool:
  """Whether there is such a stage, and whatever it needs besides codes is given to their model too."""
  stage = subject.trained.stages.get('decoder')
  if stage is None or stage.model.decode is None:
    return False
  there = {*subject.model.given, _own_level(subject)}
  return {*stage.model.given, *_levels(stage)} <= there


def run(subject: Subject) -> Written:
  """`decoded.png` and `decoded.npz`: x of what `samples` draws, with every field that was given.

  Where codes of the level above are given, and a stage `above` draws them, they are its samples.
  """
  stage = subject.trained.stages['decoder']
  given = subject.given(subject.num) or {}
  given |= _from_above(subject, given)
  draw = sampler(subject.model, subject.num, subject.seed, subject.knobs)
  codes = {**given, _own_level(subject): draw(subject.params, subject.extra, given or None)}
  conditions = {name: given[name] for name in stage.model.given} or None
  decode = jax.jit(needed(stage.model.decode))
  x = np.asarray(decode(stage.params, stage.extra, _latents(stage, codes), conditions))
  spec = {'x': fields.of(stage.config)['x'], **{name: subject.spec[name] for name in given}}
  array = subject.folder / 'decoded.npz'
  archive.write(array, spec, {'x': x, **given}, step=int(subject.trained.state.step))
  return Written((*show.save(x, spec['x'], subject.folder / 'decoded'), array))


def _levels(stage):
  """The levels of codes that it decodes; none where latents are not levels."""
  return stage.model.codes if isinstance(stage.model.codes, Mapping) else {}


def _own_level(subject):
  """Which of them the samples are: the one that is not given; '' where there are none."""
  levels = _levels(subject.trained.stages['decoder'])
  return next((name for name in levels if name not in subject.model.given), '')


def _latents(stage, codes):
  """The structure that it decodes, of codes by their levels."""
  if levels := _levels(stage):
    return {name: codes[name].astype(np.int32) for name in levels}
  if isinstance(stage.model.codes, Field):
    return codes[''].reshape(-1, *stage.model.codes.shape).astype(np.int32)
  return codes['']


def _from_above(subject, given):
  """The samples of the stage `above`, of the conditions that it shares, by the name of their level."""
  if not (above := subject.trained.stages.get('above')):
    return {}
  (name,) = (name for name in _levels(subject.trained.stages['decoder']) if name in given)
  knobs = {knob: value for knob, value in subject.knobs.items() if knob in above.model.knobs}
  shared = {condition: given[condition] for condition in above.model.given} or None
  return {name: sampler(above.model, subject.num, subject.seed, knobs)(above.params, above.extra, shared)}
