"""Placeholder until its own commit: toy data."""

from jaxgen.data.source import Source
from jaxgen.errors import UserError


def load(name: str, image_size: int, split: str) -> Source:
  """Refuses."""
  raise UserError(f'toy:{name} cannot be read yet.')
