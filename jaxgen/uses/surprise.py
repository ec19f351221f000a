"""How surprising each token of a text is to the model: a page in colours, beside what it has written."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import jax
import numpy as np

from jaxgen.show import coloured
from jaxgen.uses.subject import Subject


def save(subject: Subject, x: np.ndarray, given: Mapping[str, np.ndarray] | None, name: str) -> list[Path]:
  """Writes `<name>.html` of texts i[N, T], where a model of text says the log-probability of each token."""
  if subject.field.kind != 'tokens' or subject.model.entry_log_mass is None:
    return []
  of_batch = partial(jax.jit(subject.model.entry_log_mass), subject.params, subject.extra)
  batch = {'x': x, **(given or {})}
  if x.shape[1:] == subject.field.shape:
    log_mass = of_batch(batch)
  else:  # of longer ones one by one: attention needs memory by the square of their length
    rows = ({name: value[index : index + 1] for name, value in batch.items()} for index in range(len(x)))
    log_mass = np.concatenate([of_batch(row) for row in rows])
  path = subject.folder / f'{name}.html'
  coloured.save(x, np.asarray(log_mass), subject.about, name, path)
  return [path]
