"""Codes: the encodings of a split, as data that another model is trained on."""

import numpy as np

from jaxgen import experiment
from jaxgen.types import Field
from jaxgen.uses import archive
from jaxgen.uses.latents.vectors import flat
from jaxgen.uses.subject import Subject, Written, needed


def run(subject: Subject) -> Written:
  """`codes_<split>.npz`, of the training split unless `--split` says otherwise: x, and every other field as it was.

  x holds tokens where the model says of which codebook they are (`GenerativeModel.codes`), else vectors, all latents
  of an example one after the other. `weights_sha256`, there and in the record, tells the encoder apart: it is that of
  a `Stage` of the same run, but for codes of raw weights where a stage has averaged ones.
  """
  split = subject.options.split or 'train'
  source, model = subject.source(split), subject.model
  places = np.arange(len(source))

  encode = needed(model.encode)

  def encoded(params, extra, rng, batch):
    latents = encode(params, extra, rng, batch)
    return {**batch, 'x': latents if model.codes else flat(latents)}

  arrays = subject.per_example(encoded, subject.rng('codes'), source, places)
  field = model.codes or Field('vector', arrays['x'].shape[1:], 0)
  path = subject.folder / f'codes_{split}.npz'
  sha256 = experiment.checksum(subject.trained, subject.weights)
  archive.write(path, {**subject.spec, 'x': field}, arrays, weights_sha256=sha256)
  return Written((path,), {'examples': len(places), 'split': split, 'weights_sha256': sha256})
