"""A room for each family, one architecture per file: a network and `build(config)`; a config names the module."""

import difflib
import importlib
import pkgutil
from types import ModuleType

from jaxgen.errors import UserError


def find(name: str) -> ModuleType:
  """The module `config.module`.

  Raises:
    UserError: if there is no such module, it cannot be imported, or it has no `build`.
  """
  try:
    module = importlib.import_module(name)
  except ModuleNotFoundError as error:
    if error.name and not name.startswith(error.name):
      raise UserError(
        f'config.module names "{name}", which imports {error.name}, and that is not installed.'
      ) from error
    names = [info.name for info in pkgutil.walk_packages(__path__, f'{__name__}.') if not info.ispkg]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f'did you mean {near[0]}?' if near else f'there are: {", ".join(names)}.'
    raise UserError(f'config.module names "{name}", which cannot be imported; {hint}') from None
  except Exception as error:  # a module of the user's own may fail in any way, and a name may be none
    reason = f'{type(error).__name__}: {" ".join(str(error).split())}'
    raise UserError(f'config.module names "{name}", which fails when it is imported: {reason}') from error
  if not hasattr(module, 'build'):
    raise UserError(f'{name} has no function build(config); config.module must name a module that has one.')
  return module
