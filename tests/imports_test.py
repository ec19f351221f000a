"""The house rules of imports, checked by parsing: a line of code can know its room from them."""

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / 'jaxgen'
STANDARD = {
  'collections',
  'functools',
  'math',
  'typing',
  'itertools',
  'dataclasses',
  'operator',
  'numpy',
  'types',
}
JAX = STANDARD | {'jax', 'jaxgen.types', 'jaxgen.errors'}
MATHS = {'jaxgen.losses', 'jaxgen.samplers', 'jaxgen.bijectors'}

# A room may import what is listed, and itself.
ROOMS = {
  'losses': JAX,
  'samplers': JAX,
  'bijectors': JAX | {'flax', 'jaxgen.computing'},
  'nn': JAX | {'flax', 'jaxgen.computing'},
  'updates': JAX | {'optax', 'clu'},
  'types.py': STANDARD | {'jax'},
  'config_keys.py': STANDARD,
  'families': JAX
  | MATHS
  | {
    'flax',
    'optax',
    'jaxgen.computing',
    'jaxgen.fields',
    'jaxgen.mu_law',
    'jaxgen.updates',
    'jaxgen.nn',
    'jaxgen.metrics.bits_per_dim',
  },
  'settings': JAX
  | MATHS
  | {
    'flax',
    'ml_collections',
    'jaxgen.config_keys',
    'jaxgen.families',
    'jaxgen.fields',
    'jaxgen.nn',
    'jaxgen.optim',
    'jaxgen.updates',
  },
  'models': JAX
  | MATHS
  | {'difflib', 'importlib', 'pkgutil'}  # by which they are found
  | {
    'flax',
    'ml_collections',
    'jaxgen.computing',
    'jaxgen.config_keys',
    'jaxgen.families',
    'jaxgen.fields',
    'jaxgen.mu_law',
    'jaxgen.nn',
    'jaxgen.optim',
    'jaxgen.settings',
  },
}
# The storeys of the house: a module imports from its own room and from the storeys below, never from beside or above.
STOREYS = (
  {'types', 'errors', 'versions', 'process', 'config_keys'},
  {
    'files',
    'fields',
    'keys',
    'computing',
    'programs',
    'config_files',
    'config',
    'optim',
    'parallel',
    'losses',
    'samplers',
  },
  {'mu_law'},
  {'bijectors', 'nn', 'updates', 'data', 'show'},
  {'metrics'},
  {'families', 'runs'},
  {'settings'},
  {'models', 'beginning'},
  {'experiment'},
  {'evaluate', 'uses', 'plan'},
  {'loop'},
  {'train'},
  {'main'},
)
NOBODY_IMPORTS = ('jaxgen.train', 'jaxgen.main')
MAY_IMPORT_TRAIN = {'main.py'}


def imports(path):
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.Import):
      yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
      assert node.level == 0, f'{path}: relative import'
      # `from jaxgen import optim` imports jaxgen.optim
      yield from (
        f'{node.module}.{alias.name}' if node.module == 'jaxgen' else node.module for alias in node.names
      )


@functools.cache
def defined(path):
  """The names that a module has, wherever in it they are made."""
  names = set()
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, (ast.Import, ast.ImportFrom)):
      names |= {alias.asname or alias.name for alias in node.names}
    elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
      names.add(node.name)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
      names.add(node.id)
  return names


def exists(name):
  """Whether there is a `jaxgen.room.module.function` of this name, a package's own names among them."""
  place, parts = ROOT, name.split('.')[1:]
  while parts and (place / parts[0]).is_dir():
    place, parts = place / parts[0], parts[1:]
  module = place / f'{parts[0]}.py' if parts else place
  module, parts = (module, parts[1:]) if module.is_file() else (place / '__init__.py', parts)
  return not parts or (module.is_file() and parts[0] in defined(module))


def files(room):
  path = ROOT / room
  return [path] if path.suffix else sorted(path.rglob('*.py'))


@pytest.mark.parametrize('room', ROOMS)
def test_a_room_imports_only_what_it_may(room):
  allowed = ROOMS[room] | {f'jaxgen.{room.removesuffix(".py")}'}
  wrong = {
    f'{path.relative_to(ROOT)}: {name}'
    for path in files(room)
    for name in imports(path)
    if not any(name == good or name.startswith(f'{good}.') for good in allowed)
  }
  assert not wrong


def test_every_module_has_a_storey_and_no_arrow_points_upwards():
  height = {room: index for index, storey in enumerate(STOREYS) for room in storey}
  wrong = set()
  for path in ROOT.rglob('*.py'):
    here = path.relative_to(ROOT).with_suffix('').parts[0]
    if here == '__init__':
      continue
    for name in imports(path):
      there = name.split('.')[1] if name.startswith('jaxgen.') else here
      if there != here and there in height and height[there] >= height[here]:
        wrong.add(f'{path.relative_to(ROOT)}: {name}')
  assert not wrong
  rooms = {path.stem for path in ROOT.iterdir() if path.suffix == '.py' or (path / '__init__.py').exists()}
  assert rooms - {'__init__'} == set(height)


def test_what_pages_configs_and_docstrings_name_of_the_house_is_there():
  home = ROOT.parent
  pages = [home / 'README.md', *(home / 'docs').glob('*.md'), *(home / 'colab').glob('*.ipynb')]
  pages += [
    path for folder in ('jaxgen', 'configs', 'experiments') for path in (home / folder).rglob('*.[pm][yd]')
  ]
  pages.remove(ROOT / 'runs' / 'history.py')  # it tells what modules were called
  names = {
    (str(path.relative_to(home)), name)
    for path in pages
    for name in re.findall(r'\bjaxgen(?:\.[a-zA-Z_]\w*)+', path.read_text())
    if name not in ('jaxgen.zip', 'jaxgen.md')
  }
  assert len(names) > 1000
  assert not {row for row in names if not exists(row[1])}
  assert not exists('jaxgen.samplers.over_levels.none') and not exists('jaxgen.nowhere')


def test_no_room_is_crowded():
  rooms = {path.parent for path in ROOT.rglob('*.py')}
  assert not {room.name for room in rooms if len(list(room.glob('[!_]*.py'))) > 20}


def test_no_function_is_long():
  """What is said about one does not count."""
  code = {
    f'{path.relative_to(ROOT)}: {node.name}': node.end_lineno
    - node.body[bool(ast.get_docstring(node))].lineno
    for path in ROOT.rglob('*.py')
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.FunctionDef) and len(node.body) > 1
  }
  assert len(code) > 1000
  assert not {name: lines for name, lines in code.items() if lines > 60}


def test_only_the_command_line_imports_the_loop_and_nobody_the_command_line():
  wrong = {
    f'{path.relative_to(ROOT)}: {name}'
    for path in ROOT.rglob('*.py')
    for name in imports(path)
    if name in NOBODY_IMPORTS
    and not (name == 'jaxgen.train' and str(path.relative_to(ROOT)) in MAY_IMPORT_TRAIN)
  }
  assert not wrong


def test_flags_are_read_in_main_alone():
  readers = {
    str(path.relative_to(ROOT))
    for path in ROOT.rglob('*.py')
    for name in imports(path)
    if name.startswith('absl.flags')
    or name == 'ml_collections.config_flags'
    or (name == 'absl' and 'flags' in path.read_text())
  }
  assert readers <= {'main.py'}


@pytest.mark.parametrize(
  ('module', 'absent'),
  [
    ('jaxgen.losses.gan', ['flax', 'optax', 'orbax', 'tensorflow', 'grain']),
    ('jaxgen.samplers', ['flax', 'optax', 'orbax', 'tensorflow', 'grain']),
    ('jaxgen.bijectors', ['optax', 'orbax', 'tensorflow', 'grain']),
    ('jaxgen.updates', ['orbax', 'tensorflow', 'grain']),
    ('jaxgen.train', ['tensorflow', 'torch', 'matplotlib']),
  ],
)
def test_importing_a_part_loads_nothing_it_does_not_need(run_python, module, absent):
  code = f'import sys, {module}; print([name for name in {absent} if name in sys.modules])'
  done = run_python('-c', code)
  assert done.stdout.strip() == '[]', done.stdout + done.stderr
