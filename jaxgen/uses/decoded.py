"""Samples of codes, as the stage `decoder` of the run decodes them."""

import jax
import numpy as np

from jaxgen import fields, show
from jaxgen.uses import archive
from jaxgen.uses.samples import sampler
from jaxgen.uses.subject import Subject, Written, needed


def applies(subject: Subject) -> bool:
  """Whether there is such a stage, and whatever it needs besides codes is given to their model too."""
  stage = subject.trained.stages.get('decoder')
  return (
    stage is not None
    and stage.model.decode is not None
    and set(stage.model.given) <= set(subject.model.given)
  )


def run(subject: Subject) -> Written:
  """`decoded.png` and `decoded.npz`: x of what `samples` draws, with every field that was given."""
  stage = subject.trained.stages['decoder']
  given = subject.given(subject.num) or {}
  draw = sampler(subject.model, subject.num, subject.seed, subject.knobs)
  codes = draw(subject.params, subject.extra, given or None)
  if stage.model.codes:
    codes = codes.reshape(subject.num, *stage.model.codes.shape).astype(np.int32)
  conditions = {name: given[name] for name in stage.model.given} or None
  decode = jax.jit(needed(stage.model.decode))
  x = np.asarray(decode(stage.params, stage.extra, codes, conditions))
  spec = {'x': fields.of(stage.config)['x'], **{name: subject.spec[name] for name in given}}
  array = subject.folder / 'decoded.npz'
  archive.write(array, spec, {'x': x, **given}, step=int(subject.trained.state.step))
  return Written((*show.save(x, spec['x'], subject.folder / 'decoded'), array))
