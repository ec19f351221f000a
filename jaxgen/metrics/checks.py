"""What ends a measurement before its number: too few samples or examples, and samples unlike the data."""

import numpy as np

from jaxgen import fields
from jaxgen.errors import UserError
from jaxgen.types import Field


class TooFew(UserError):
  """There are too few samples for a metric; where nobody asked for it, it is left out."""


class TooFewExamples(TooFew):
  """There are too few examples to compare with, which no number of samples mends."""


def need_samples(num: int, least: int, purpose: str) -> None:
  """Raises a `TooFew` where `num` samples are fewer than `purpose` needs."""
  if num < least:
    raise TooFew(f'{num} samples are too few for {purpose}: measure with at least {least} samples.')


def need_examples(num: int, least: int, purpose: str, of: str) -> None:
  """Raises a `TooFewExamples` where the `num` examples of the data that samples are compared with are fewer."""
  if num < least:
    raise TooFewExamples(
      f'the {num} examples of {of} are too few for {purpose}, however many samples there are: compare with at least '
      f'{least} examples, or leave this metric out.'
    )


def check_samples(x: np.ndarray, field: Field) -> None:
  """Samples are what the data are.

  Raises:
    UserError: if their shape, type or range differs, or they are not finite.
  """
  dtype = fields.dtype(field)
  if x.shape[1:] != field.shape or x.dtype != dtype:
    raise UserError(
      f'The model samples {x.dtype}{list(x.shape[1:])}, but the data are {dtype}{list(field.shape)}; '
      'measure against the data set that it was trained on.'
    )
  if field.levels and x.max(initial=0) >= field.levels:
    raise UserError(
      f'The model samples values up to {x.max()}, but the data have {field.levels} levels; '
      'measure against the data set that it was trained on.'
    )
  bad = int((~np.isfinite(x.reshape(len(x), -1)).all(1)).sum())
  if bad:
    raise UserError(f'{bad} of {len(x)} samples are not finite; look at them before measuring.')
