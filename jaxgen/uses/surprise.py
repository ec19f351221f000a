"""How surprising each token of a text is to the model: a page in colours, beside what it has written."""

from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np

from jaxgen.show import coloured
from jaxgen.uses.subject import Subject


def save(subject: Subject, x: np.ndarray, given: Mapping[str, np.ndarray] | None, name: str) -> list[Path]:
  """Writes `<name>.html` of texts i[N, T], where a model of text says the log-probability of each token."""
  if subject.field.kind != 'tokens' or subject.model.entry_log_mass is None:
    return []
  log_mass = jax.jit(subject.model.entry_log_mass)(subject.params, subject.extra, {'x': x, **(given or {})})
  path = subject.folder / f'{name}.html'
  coloured.save(x, np.asarray(log_mass), subject.about, name, path)
  return [path]
