"""What a user can get wrong ends in a `UserError`: one sentence that says what to do."""


class UserError(ValueError):
  """Bad input. `jaxgen.main` prints its message alone and leaves with exit code 2."""


def printable(text: str) -> str:
  """With a middle dot in the place of each character that a terminal obeys or that nobody sees: words of somebody
  else's file may hold any."""
  return ''.join(letter if letter.isprintable() else '\N{MIDDLE DOT}' for letter in text)


def printable_lines(text: str) -> str:
  """`printable` line by line: a line feed is obeyed, and nothing else."""
  return '\n'.join(map(printable, text.split('\n')))
