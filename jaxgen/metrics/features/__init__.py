"""What samples are compared by: Inception, a classifier of the data set itself, random features, or the data."""

from jaxgen.metrics.features.extraction import (
  Features,
  check_kind,
  choose,
  extract,
  from_classifier,
  from_identity,
  from_inception,
  from_ngrams,
  from_random,
  from_spectra,
)
from jaxgen.metrics.features.reference import Reference, Split, split_fingerprint

__all__ = [
  'Features',
  'Reference',
  'Split',
  'check_kind',
  'choose',
  'extract',
  'from_classifier',
  'from_identity',
  'from_inception',
  'from_ngrams',
  'from_random',
  'from_spectra',
  'split_fingerprint',
]
