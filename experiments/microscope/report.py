"""Everything that was measured, as `report.html`, `report.md`, `walls.png` and `results.jsonl`."""

from collections.abc import Mapping, Sequence

import numpy as np

from experiments.microscope import budget, page, table, verdict, walls
from experiments.microscope.families import FAMILIES
from experiments.microscope.quality import failures, quality_curves
from experiments.microscope.records import all_records
from experiments.microscope.runs import Bench
from jaxgen import files, show
from jaxgen.versions import versions

_SHOWN = (1 / 16, 1 / 4, 1)


def write_all(tools: Bench, bills, results, data_records, claims: Sequence[Mapping]) -> None:
  """Writes the four files; whatever was there before is replaced."""
  out = tools.settings.out
  rows = table.rows(results, bills, data_records, tools.moment_samples)
  broken = [f'{FAMILIES[f].title}, {phrase}' for f, seeds in results.items() for phrase in failures(seeds)]
  moments = [_moment(tools.settings, results, fraction) for fraction in _SHOWN]
  data_wall = walls.data_uri(
    walls.tiles(tools.reference.train.examples(np.arange(36))['x'], tools.reference.x.levels)
  )
  text = page.render(
    _title(tools),
    _facts(tools, results),
    moments,
    data_wall,
    _curves(results),
    _of_moments(tools),
    rows,
    broken,
    claims,
    _protocol(tools),
  )
  files.write_text(out / 'report.html', text)
  files.write_text(out / 'report.md', _markdown(tools, results, rows, broken, claims))
  show.save_png(
    _contact_sheet({f: wall['uri'] for f, wall in moments[-1]['walls'].items()}, data_wall), out / 'walls.png'
  )
  files.write_text(out / 'results.jsonl', all_records(tools, bills, results, data_records, claims))


def _title(tools):
  return f'Five families of generative models on {tools.settings.data}, under one microscope'


def _facts(tools, results):
  settings, x = tools.settings, tools.reference.x
  shape = ' × '.join(map(str, x.shape))
  return [
    f'{len(tools.reference.train):,} training and {len(tools.reference.test):,} test images of {shape}, '
    f'{x.levels} levels',
    f'{settings.minutes:g} min of training for each run',
    verdict.seeds_in_words(settings.seeds),
    f'{tools.samples:,} samples a run',
    'averaged weights unless said otherwise',
    f'features: {tools.features.name}',
    f'{versions()["device"]}, {versions()["processor"]}, jax {versions()["jax"]}',
  ]


def _moment(settings, results, fraction):
  """The walls of seed 0 at a moment of training."""
  found = {}
  for family, seeds in results.items():
    whole = next((result for result in seeds if result['moments']), None)
    if whole:
      moment = min(whole['moments'], key=lambda m: abs(m['fraction'] - fraction))
      found[family] = {'uri': moment['wall'], 'seconds': _seconds(moment['seconds'])}
  return {'title': f'about {_seconds(settings.minutes * 60 * fraction)}', 'walls': found}


def _seconds(value):
  return f'{value:.0f} s' if value >= 9.5 else f'{value:.2g} s'


def _curves(results):
  return [
    quality_curves(results),
    quality_curves(results, metric='coverage', label='coverage', log=False),
    quality_curves(results, metric='bits_per_dim', label='bits per dimension, validation split', log=False),
  ]


def _of_moments(tools):
  return (
    'Lines are means over the seeds, bands their range. Fréchet distance and coverage are those of '
    f'{tools.moment_samples:,} samples at each moment, where the table has {tools.samples:,}: the fewer the samples, '
    'the larger the distance.'
  )


def _protocol(tools):
  settings, test = tools.settings, len(tools.reference.test)
  return [
    f'Budget: jaxgen.train.train trains each run for {settings.minutes:g} min on its own clock, which counts training '
    'steps and checkpoints, and neither compilation nor measurement. Rates are constant after their warm-up, so that '
    'a run may end at any moment; averaged weights take the place of a schedule that falls.',
    'Parameters: the width of each family is chosen so that what it trains comes near one number; a GAN\'s '
    'discriminator and a VAE\'s encoder are counted.',
    f'Samples: {tools.samples:,} of each finished run, {tools.moment_samples:,} at each moment '
    f'({", ".join(f"{f:g}" for f in budget.MOMENTS)} of the budget), all compared with one half of the training split '
    f'({len(tools.reference.train) // 2:,} examples) in the features named above. Distances between few samples are '
    f'biased upwards, all alike; compare them with the column "{table.DATA}": {tools.samples:,} examples of the other '
    'half, none of them twice, measured in the same way. They are what a perfect model would draw. '
    f'{"The test split is too small to be measured so: it has " if test < tools.samples else "The test split has "}'
    f'{test:,} examples.',
    'Memory: a distance to training data is small for copies of them too. So the distance stands beside one to '
    f'held-out data, the test split, by equal numbers ({min(len(tools.reference.train) // 2, test):,} examples of '
    'either): what a model has learnt brings it near to both, what it has copied to the former alone.',
    'The fixed quality is the Fréchet distance that the median family ends with, five percent added, both '
    'measured with the samples of a moment. A run has reached it when it stays below; between two moments the '
    'distance is taken to fall evenly in the logarithms. Only runs that reach it enter the mean.',
    'Numbers are means over the seeds ± their standard deviation (n − 1). A run counts as collapsed if its '
    'samples cover fewer than half of the classes, as failed if its loss is no longer finite.',
    'Precision and recall with k = 3, coverage with k = 5 nearest neighbours. Sharpness is the variance of the '
    'Laplacian relative to the data. Bits per dimension and reconstructions are those of the test split; '
    '"bound" is importance-weighted, "bound, ODE" an estimate of one, made at the end of a run alone. What is chosen '
    'among (the moment of the best density, the rate of an optimizer) is chosen on the validation split. Every number '
    'stands in results.jsonl with its whole protocol.',
  ]  # fmt: skip


def _markdown(tools, results, rows, broken, claims):
  parts = [f'# {_title(tools)}', '; '.join(_facts(tools, results)) + '.', '![Samples](walls.png)']
  parts += ['## The table', table.as_markdown(rows), *(f'- {phrase}' for phrase in broken)]
  parts += ['## The claims', verdict.RULE]
  lines = ['| | verdict | numbers |', '|---|---|---|']
  for claim in claims:
    numbers = '<br>'.join(test['text'] for test in claim['tests']) or claim['how']
    lines.append(f'| {claim["sentence"]} | {claim["verdict"]} | {numbers} |')
  parts += ['\n'.join(lines), '## How it was measured', *_protocol(tools)]
  return '\n\n'.join(parts) + '\n'


def _contact_sheet(uris, data_uri):
  """The last walls of all families and the data, side by side beneath their names; uint8[H, W, 3]."""
  found = [walls.from_data_uri(uri) for uri in [*uris.values(), data_uri]]
  scale = max(1, round(240 / found[0].shape[0]))
  found = [image.repeat(scale, 0).repeat(scale, 1) for image in found]
  return show.titled_row(found, [*(FAMILIES[family].title for family in uris), 'Training data'])
