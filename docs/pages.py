"""The pages that are made from the sources; mkdocs calls `on_files`."""

import ast
import importlib
import json
import pkgutil
import sys
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # these sources, whatever is installed

from jaxgen import config_files, config_keys, models  # noqa: E402

# By the rooms of `jaxgen.models`.
FAMILIES = {
  'vae': 'Variational autoencoders',
  'gan': 'Adversarial networks',
  'flow': 'Normalizing flows',
  'autoregressive': 'Autoregressive models',
  'score': 'Score models',
}
MEASURES = {
  'bits_per_dim': 'bits per dimension',
  'frechet_distance': 'Fréchet distance',
  'precision': 'precision',
  'recall': 'recall',
  'coverage': 'coverage',
}


def on_files(files, config):
  """Adds the generated pages, and the pictures that they show."""
  pages = {'gallery.md': gallery(), 'keys.md': keys()}
  pages |= {f'api/{room.replace(".", "_")}.md': api(room) for room in rooms()}
  for name, text in pages.items():
    files.append(File.generated(config, name, content=text))
  for path in _pictures('*'):
    files.append(File.generated(config, f'pictures/{path.parent.name}/{path.name}', abs_src_path=str(path)))
  return files


def gallery() -> str:
  """Every config: what it is, by its docstring; what it reached and how it got there, by `experiments/`."""
  parts = [
    '# Gallery',
    'Every experiment that comes with jaxgen. The numbers in tables are those of `python -m experiments.digits`, '
    'where all families are measured alike.',
    '![Samples of five small models, and data](pictures/digits/samples.png)',
  ]
  for family, title in FAMILIES.items():
    names = [name for name in config_files.names() if _family(name) == family]
    parts += [f'## {title}', *map(_exhibit, names)]
  return '\n\n'.join(parts) + '\n'


def _family(name):
  """The room of its model: `jaxgen.models.flow.glow` is a flow."""
  return config_files.load(name).module.split('.')[2]


def _exhibit(name):
  title, _, text = ast.get_docstring(ast.parse(config_files.find(name).read_text())).partition('\n')
  parts = [f'### {name}', f'**{title}**', text.replace('\n  python', '\n    python').strip('\n')]
  if reached := _reached(name):
    parts.append(_table(reached.keys(), [reached.values()]))
  for path in _pictures(name):
    parts.append(f'![What the run of {name} reported](pictures/{path.parent.name}/{path.name})')
  return '\n\n'.join(parts)


def _pictures(name):
  """Those of `experiments/` of this name, or pattern; some move."""
  return sorted(path for kind in ('png', 'gif') for path in ROOT.glob(f'experiments/*/{name}.{kind}'))


def _reached(name):
  """What `experiments/digits` holds of the config: `{measure: number}`."""
  rows = map(json.loads, (ROOT / 'experiments/digits/results.jsonl').read_text().splitlines())
  row = next((row for row in rows if row['name'] == name), None)
  if row is None:
    return {}
  metrics = {word: f'{row["metrics"][key]:.3g}' for key, word in MEASURES.items() if key in row['metrics']}
  return {'seconds': f'{row["seconds"]:.0f}', 'parameters': f'{row["parameters"]:,}', **metrics}


def keys() -> str:
  """The reference of config keys, from the tables that configs are checked against."""
  parts = [
    '# Keys of a config',
    'Any of them is set by `--config.<key>=<value>`. What is not allowed is refused before anything is written.',
    '## Of every experiment',
    _key_table(config_keys.KEYS, ''),
  ]
  for info in pkgutil.walk_packages(models.__path__, f'{models.__name__}.'):
    module = importlib.import_module(info.name)
    if hasattr(module, 'KEYS'):
      title = f'## Of `{module.__name__}`'
      parts += [title, module.__doc__.strip().partition('\n\n')[0], _key_table(module.KEYS, 'model.')]
    if hasattr(module, 'SAMPLER'):
      parts += ['The ways to its samples, at any time:', _key_table(module.SAMPLER, 'sampler.')]
    if hasattr(module, 'STAGES'):
      parts += ['The runs that it is built on:', _stage_table(module.STAGES)]
  return '\n\n'.join(parts) + '\n'


def _key_table(table, prefix):
  return _table(('key', 'default', 'what it may be', 'meaning'), _key_rows(table, prefix))


def _stage_table(stages):
  rows = [
    (f'`stages.{name}`', 'the folder of a run', _escaped(stage.meaning), ', '.join(stage.needs))
    for name, stage in stages.items()
  ]
  return _table(('key', 'what it may be', 'meaning', 'what its model must have'), rows)


def _key_rows(table, prefix):
  for name, key in table.items():
    if isinstance(key, config_keys.Key):
      yield f'`{prefix}{name}`', f'`{key.default!r}`', _escaped(key.words()), _escaped(key.meaning)
    else:
      yield from _key_rows(key, f'{prefix}{name}.')


def _escaped(text):
  return text.replace('|', '\\|').replace('<', '&lt;')


def _table(head, rows):
  lines = [head, ['---'] * len(head), *rows]
  return '\n'.join('| ' + ' | '.join(cells) + ' |' for cells in lines)


def rooms() -> dict[str, list[str]]:
  """The public modules of each package: `{'jaxgen.losses': ['jaxgen.losses.autoregressive', ...]}`."""
  found = {}
  for path in sorted((ROOT / 'jaxgen').rglob('[!_]*.py')):
    name = '.'.join(path.relative_to(ROOT).with_suffix('').parts)
    found.setdefault(name.rpartition('.')[0], []).append(name)
  return found


def api(room: str) -> str:
  """The page of a package: the docstring of each module and of all that is public in it."""
  sections = [f'## {name}\n\n::: {name}' for name in rooms()[room]]
  return '\n\n'.join([f'# {room}', *sections]) + '\n'
