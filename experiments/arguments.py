"""What the command lines of experiments share: bad input ends in one sentence, with exit code 2."""

import argparse
import sys
from collections.abc import Callable, Iterable

from jaxgen.errors import UserError


class Parser(argparse.ArgumentParser):
  """Says what is wrong in one sentence."""

  def error(self, message):
    raise UserError(f'{message[:1].upper()}{message[1:]}; --help says what there is.')


def several(choices: Iterable[str]) -> Callable[[str], tuple[str, ...]]:
  """The type of an argument that is one or more of the choices, with commas between them."""
  known = tuple(choices)

  def chosen(text):
    names = tuple(text.split(','))
    for name in names:
      if name not in known:
        raise argparse.ArgumentTypeError(f'"{name}" is none of {", ".join(known)}')
    return names

  return chosen


def counts(text: str) -> tuple[int, ...]:
  """The type of an argument that is one or more numbers above 0, with commas between them."""
  return tuple(map(count, text.split(',')))


def count(text: str) -> int:
  """The type of an argument that is a whole number above 0.

  Raises:
    ArgumentTypeError: of anything else.
  """
  if not (text.isdecimal() and int(text)):
    raise argparse.ArgumentTypeError(f'"{text}" is no whole number above 0')
  return int(text)


def number(text: str) -> int:
  """The type of an argument that is a whole number, 0 or more.

  Raises:
    ArgumentTypeError: of anything else.
  """
  if not text.isdecimal():
    raise argparse.ArgumentTypeError(f'"{text}" is no whole number')
  return int(text)


def run(main: Callable[[], None]) -> None:
  """Calls `main`; what a `UserError` says is all that is printed of it."""
  try:
    main()
  except UserError as error:
    print(f'jaxgen: {error}', file=sys.stderr)
    sys.exit(2)
