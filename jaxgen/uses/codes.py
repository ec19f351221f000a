"""Codes: the encodings of a split, as data that another model is trained on."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxgen import experiment
from jaxgen.types import DataSpec, Field, GenerativeModel
from jaxgen.uses import archive
from jaxgen.uses.latents.vectors import flat
from jaxgen.uses.subject import Subject, Written, needed


def run(subject: Subject) -> Written:
  """`codes_<split>.npz`, of the training split unless `--split` says otherwise: x, and every other field as it was.

  x holds tokens where the model says of which codebook they are (`GenerativeModel.codes`), else vectors, all latents
  of an example one after the other. Of several levels of codes there is a file for each, `codes_<split>_<level>.npz`,
  which has those above it as fields of their own names. `weights_sha256`, there and in the record, tells the encoder
  apart: it is that of a `Stage` of the same run, but for codes of raw weights where a stage has averaged ones.
  """
  split = subject.options.split or 'train'
  source, model = subject.source(split), subject.model
  places = np.arange(len(source))

  encode = needed(model.encode)

  def encoded(params, extra, rng, batch):
    latents = encode(params, extra, rng, batch)
    return {**batch, 'x': latents if model.codes else flat(latents)}

  arrays = subject.per_example(encoded, subject.rng('codes'), source, places)
  sha256 = experiment.checksum(subject.trained, subject.weights)
  written = []
  for level, (spec, codes) in _files(model, arrays.pop('x')).items():
    path = subject.folder / f'codes_{split}{level}.npz'
    archive.write(path, {**subject.spec, **spec}, {**arrays, **codes}, weights_sha256=sha256)
    written.append(path)
  return Written(tuple(written), {'examples': len(places), 'split': split, 'weights_sha256': sha256})


def _files(model: GenerativeModel, latents: Any) -> dict[str, tuple[DataSpec, dict[str, np.ndarray]]]:
  """The fields that latents become, and their arrays, by what the name of their file ends in."""
  if not isinstance(model.codes, Mapping):
    return {'': ({'x': model.codes or Field('vector', latents.shape[1:], 0)}, {'x': latents})}
  files: dict[str, tuple[DataSpec, dict[str, np.ndarray]]] = {}
  above: dict[str, Field] = {}
  for level, field in model.codes.items():
    arrays = {name: latents[name] for name in above}
    files[f'_{level}'] = {**above, 'x': field}, {**arrays, 'x': latents[level]}
    above[level] = field
  return files
