"""Data: sources with random access, and the batches of a step as a pure function of (seed, step)."""

from jaxgen.data import usual
from jaxgen.data.batching import batches, eval_batches, share
from jaxgen.data.densities import synthetic, toy
from jaxgen.data.images import NoImages
from jaxgen.data.loading import known_density, load, monitored_split, resolve, resolved, training_set
from jaxgen.data.order import batch_indices
from jaxgen.data.source import RESIDENT_BYTES, Source, fingerprint

__all__ = [
  'RESIDENT_BYTES',
  'NoImages',
  'Source',
  'batch_indices',
  'batches',
  'eval_batches',
  'fingerprint',
  'known_density',
  'load',
  'monitored_split',
  'resolve',
  'resolved',
  'share',
  'synthetic',
  'toy',
  'training_set',
  'usual',
]
