"""Placeholder until its own commit: folder data."""

from jaxgen.data.source import Source
from jaxgen.errors import UserError


def load(name: str, image_size: int, split: str) -> Source:
  """Refuses."""
  raise UserError(f'folder:{name} cannot be read yet.')
