"""What experiments share that go on after a kill: rows, one line of JSON each, and runs that print into a file."""

import contextlib
import json
import resource
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from jaxgen import files, train


def read(path: Path) -> list[dict[str, Any]]:
  """The rows that there are; none where there is no file yet."""
  return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def append(path: Path, row: Mapping[str, Any]) -> None:
  """Adds a row; a kill leaves the file with it or without it, and whole."""
  path.parent.mkdir(parents=True, exist_ok=True)
  files.write_text(path, ''.join(json.dumps(each) + '\n' for each in [*read(path), row]))


def train_quietly(config: ConfigDict, workdir: Path) -> None:
  """Trains; what the loop prints goes into a file beside its run.

  Raises:
    UserError: as `jaxgen.train.train`.
  """
  workdir.mkdir(parents=True, exist_ok=True)
  with open(workdir / 'log.txt', 'a') as log, contextlib.redirect_stdout(log):
    train.train(config, workdir)


def train_by_command(name: str, workdir: Path, changed: Iterable[str] = ()) -> tuple[str, float | None]:
  """Trains a config, or goes on, by the command that a user has, in a process of its own.

  Returns:
    The command, and the processor minutes of all cores; None of a run that was there before, whose cost until then
    nobody has counted.
  """
  is_new, before = not workdir.exists(), _processor_seconds()
  given = [f'--config=configs/{name}.py', f'--workdir={workdir}', *changed]
  subprocess.run([sys.executable, '-m', 'jaxgen.main', *given], check=True)
  minutes = (_processor_seconds() - before) / 60 if is_new else None
  return f'python -m jaxgen.main {" ".join(given)}', minutes


def _processor_seconds():
  """Of all cores, of the processes that have ended."""
  spent = resource.getrusage(resource.RUSAGE_CHILDREN)
  return spent.ru_utime + spent.ru_stime


def options(changes: Mapping[str, Any]) -> str:
  """What is changed in a config, as a command line says it, in Markdown."""
  return ', '.join(f'`--config.{key}={value}`' for key, value in changes.items())


def table_line(cells: list[str] | tuple[str, ...]) -> str:
  """A line of a Markdown table."""
  return f'| {" | ".join(cells)} |'
