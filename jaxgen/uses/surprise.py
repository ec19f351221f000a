"""How surprising each token of a text or sample of a sound is to the model, beside what it has made."""

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import jax
import numpy as np

from jaxgen import show
from jaxgen.show import audio, coloured
from jaxgen.uses.subject import Subject

_LONGEST = (
  4096  # tokens beyond the context whose surprise is told: attention keeps the square of them for each head
)


def save(subject: Subject, x: np.ndarray, given: Mapping[str, np.ndarray] | None, name: str) -> list[Path]:
  """Writes a page in colours `<name>.html` of texts i[N, T], or a picture `<name>_surprise.png` of sounds [N, T, C],
  where the model says the log-probability of each token or sample. Of texts that are far longer than the context it
  says so in a line, and writes none."""
  kind = subject.field.kind
  if kind not in ('tokens', 'audio') or subject.model.entry_log_mass is None:
    return []
  if kind == 'tokens' and x.shape[1] > max(_LONGEST, *subject.field.shape):
    print(
      f'{name}.html is left out: it is of texts of at most {_LONGEST:,} tokens, and these have {x.shape[1]:,}.'
    )
    return []
  of_batch = partial(jax.jit(subject.model.entry_log_mass), subject.params, subject.extra)
  batch = {'x': x, **(given or {})}
  if x.shape[1:] == subject.field.shape:
    log_mass = of_batch(batch)
  else:  # of longer ones one by one: attention needs memory by the square of their length
    rows = ({name: value[index : index + 1] for name, value in batch.items()} for index in range(len(x)))
    log_mass = np.concatenate([of_batch(row) for row in rows])
  if kind == 'audio':
    path = subject.folder / f'{name}_surprise.png'
    bits = -np.asarray(log_mass, np.float64).sum(2) / math.log(2)
    sounds = audio.loudness(x, subject.field.levels)
    show.save_png(audio.surprising(sounds, bits, subject.about.rate), path)
    return [path]
  path = subject.folder / f'{name}.html'
  coloured.save(x, np.asarray(log_mass), subject.about, name, path)
  return [path]
