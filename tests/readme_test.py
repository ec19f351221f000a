"""The README's first hour: snippets run one after the other, commands come after their environment and are accepted."""

import re
import shlex
import sys

import pytest

from jaxgen import main as command_line
from jaxgen import uses
from tests.conftest import ROOT

README = (ROOT / 'README.md').read_text()


def blocks(language):
  return re.findall(rf'```{language}\n(.*?)```', README, re.DOTALL)


LINES = '\n'.join(blocks('bash')).replace('&&', '\n').splitlines()
COMMANDS = [shlex.split(line, comments=True) for line in LINES if line.strip()]


def test_the_python_snippets_run_one_after_the_other_and_say_what_they_print(capsys):
  names = {}
  for snippet in blocks('python'):
    exec(compile(snippet, 'README.md', 'exec'), names)
  langevin, discriminator, generator, game = capsys.readouterr().out.splitlines()
  assert float(langevin) == pytest.approx(3, abs=0.2)
  assert (
    f'print(gan.hinge.discriminator(real_logits=real_logits, fake_logits=fake_logits))  # {discriminator}\n'
    in README
  )
  assert (
    f'print(gan.hinge.generator(real_logits=real_logits, fake_logits=fake_logits))  # {generator}\n' in README
  )
  assert float(game) == pytest.approx(3, abs=0.1)


def test_bare_commands_come_after_the_environment_was_entered():
  bare = [command[0] in ('python', 'pip') for command in COMMANDS]
  assert COMMANDS[bare.index(True) - 1] == ['.', '.venv/bin/activate']
  assert all(
    command[0] in ('python', 'pip', 'mkdocs', 'python3', '.') or '.venv/bin/' in command[0]
    for command in COMMANDS
  )


@pytest.mark.parametrize(
  'command', [command for command in COMMANDS if any('--config=' in word for word in command)], ids=' '.join
)
def test_each_command_names_a_config_that_there_is_and_keys_that_it_has(command, monkeypatch):
  assert command[:3] == ['python', '-m', 'jaxgen.main']
  argv = ['jaxgen', *command[3:]]
  monkeypatch.setattr(sys, 'argv', argv)
  assert command_line._parse(argv).config.module.startswith('jaxgen.models.')


def test_the_files_that_it_links_to_exist():
  links = re.findall(r'\]\(([^)#][^)]*)\)', README)
  assert all((ROOT / link).exists() for link in links if not link.startswith('http'))


def test_every_use_has_a_row_and_is_named_by_the_help():
  rows = re.findall(
    r'^\| `(\w+)` \|', README.partition('## Use a trained model')[2].partition('\n## ')[0], re.MULTILINE
  )
  named = re.findall(r'\w+', command_line.__doc__.partition('\n--use ')[2].partition('\n--')[0])
  assert set(rows) == set(uses.USES)
  assert set(uses.USES) <= set(named)


PAGES = [ROOT / 'README.md', *(ROOT / 'docs').rglob('*.md'), *(ROOT / 'experiments').rglob('*.md')]


def test_every_experiment_that_a_page_or_a_config_starts_exists():
  texts = [path.read_text() for path in (*PAGES, *(ROOT / 'configs').glob('*.py'))]
  modules = {name for text in texts for name in re.findall(r'python3? -m (experiments[.\w]*\w)', text)}
  assert 'experiments.autoregressive' in modules
  paths = {name: ROOT / name.replace('.', '/') for name in modules}
  assert not [
    name
    for name, path in paths.items()
    if not path.with_suffix('.py').is_file() and not (path / '__main__.py').is_file()
  ]


@pytest.mark.parametrize(
  'page', sorted((ROOT / 'experiments').rglob('*.md')), ids=lambda page: str(page.relative_to(ROOT))
)
def test_the_files_that_a_page_of_an_experiment_links_to_exist(page):
  links = re.findall(r'\]\(([^)#\s]+)[^)]*\)', page.read_text())
  assert not [link for link in links if '://' not in link and not (page.parent / link).exists()]
