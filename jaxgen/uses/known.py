"""What is known of a run's data beside their fields, as `jaxgen.show` takes it."""

import contextlib
from collections.abc import Callable

import numpy as np
from ml_collections import ConfigDict

from jaxgen import data, fields
from jaxgen.data.tables.columns import Columns
from jaxgen.data.vocabulary import Vocabulary
from jaxgen.errors import UserError
from jaxgen.show import About

_SHOWN = 1000  # examples


def about(
  config: ConfigDict,
  source: Callable[[], data.Source],
  vocabulary: Vocabulary | None,
  columns: Columns | None = None,
) -> About:
  """The exact density where it is known, how far the first of other vectors reach, the vocabulary of tokens and
  which of them ends a text, the columns of a table, the rate of sound.

  Args:
    config: of a run, resolved.
    source: gives a split of its data, by which vectors are shown whose density is not known.
    vocabulary: of its tokens.
    columns: of its rows.
  """
  density = data.known_density(config.data)
  if density is not None:
    return About(limits=density.bound, density=density.log_prob)
  kind = fields.of(config)['x'].kind
  if kind == 'audio':
    return About(rate=config.data.rate)
  if kind == 'vector':
    with contextlib.suppress(UserError):  # without its data a run can be sampled all the same
      shown = source().examples(np.arange(min(_SHOWN, len(source()))))['x']
      return About(limits=float(np.abs(shown).max()) * 1.1)
  spell, end = columns and columns.spelt, config.data.get('end')
  if vocabulary is None:
    return About(end=end, spell=spell)
  return About(decode=vocabulary.decode, in_parts=vocabulary.in_parts, end=end, spell=spell)
